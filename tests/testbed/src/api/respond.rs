//! How answers are written: compact JSON, whole lists from ready-made bytes, gzip from 128 KiB on as the real server
//! does it, and the forms that a client may ask for in `Accept`.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http::header;
use serde_json::{Value, json};

use crate::store::error::ApiError;
use crate::store::object::Deflated;

use super::request::RequestInfo;

/// From this size on an answer is compressed for clients that take gzip.
const GZIP_FROM: usize = 128 * 1024;

/// The form in which a client wants objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Plain,
    /// Their metadata only.
    Partial,
    /// A table for people.
    Table,
}

/// Reads `Accept`; the first form that is known wins. `None`: nothing there can be served.
pub fn form_of(accept: &str) -> Option<Form> {
    if accept.trim().is_empty() {
        return Some(Form::Plain);
    }
    accept.split(',').find_map(|choice| {
        let mut parts = choice.split(';').map(str::trim);
        if !matches!(parts.next()?, "application/json" | "*/*" | "application/*") {
            return None;
        }
        let parameters: Vec<&str> = parts.collect();
        match parameters.iter().find_map(|parameter| parameter.strip_prefix("as=")) {
            None => Some(Form::Plain),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Some(Form::Partial),
            Some("Table") => Some(Form::Table),
            Some(_) => None,
        }
    })
}

/// The metadata of an object as `PartialObjectMetadata`.
pub fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

fn builder(status: u16, content_type: &str) -> http::response::Builder {
    Response::builder()
        .status(status)
        .header("Audit-Id", uuid::Uuid::new_v4().to_string())
        .header(header::CACHE_CONTROL, "no-cache, private")
        .header(header::CONTENT_TYPE, content_type)
}

fn finish(builder: http::response::Builder, body: Body) -> Response {
    builder.body(body).expect("the headers are valid by construction")
}

/// A JSON answer.
pub fn json_response(info: &RequestInfo, status: u16, value: &Value) -> Response {
    json_response_as(info, status, "application/json", value)
}

/// A JSON answer with a content type of its own.
pub fn json_response_as(info: &RequestInfo, status: u16, content_type: &str, value: &Value) -> Response {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    if info.gzip && bytes.len() >= GZIP_FROM {
        let mut stream = GzipStream::new();
        stream.push_deflated(&Deflated::of(&bytes), bytes.len());
        let builder = builder(status, content_type)
            .header(header::CONTENT_ENCODING, "gzip")
            .header(header::VARY, "Accept-Encoding");
        return finish(builder, stream.into_body());
    }
    finish(builder(status, content_type), Body::from(bytes))
}

/// A failure as a Status object.
pub fn error_response(info: &RequestInfo, error: &ApiError) -> Response {
    json_response(info, error.code, &error.status())
}

/// A piece of a list: its bytes, and the same compressed if somebody has prepared that.
pub enum Piece<'a> {
    /// Bytes that are written as they are.
    Plain(Bytes),
    /// Bytes of a stored object.
    Item(&'a crate::store::object::Object),
}

/// A list, from its head (`{"kind":…,"metadata":…`), its items and the end.
pub fn list_response<'a>(
    info: &RequestInfo,
    head: &Value,
    items: impl ExactSizeIterator<Item = Piece<'a>>,
) -> Response {
    let mut head = serde_json::to_vec(head).unwrap_or_default();
    head.pop();
    head.extend_from_slice(b",\"items\":[");
    let pieces: Vec<Piece<'a>> = items.collect();
    let size: usize = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Plain(bytes) => bytes.len() + 1,
            Piece::Item(object) => object.item_bytes().len() + 1,
        })
        .sum();
    if info.gzip && size >= GZIP_FROM {
        let mut stream = GzipStream::new();
        stream.push_plain(&head);
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                stream.push_plain(b",");
            }
            match piece {
                Piece::Plain(bytes) => stream.push_deflated(&Deflated::of(bytes), bytes.len()),
                Piece::Item(object) => stream.push_deflated(object.item_deflated(), object.item_bytes().len()),
            }
        }
        stream.push_plain(b"]}");
        let builder = builder(200, "application/json")
            .header(header::CONTENT_ENCODING, "gzip")
            .header(header::VARY, "Accept-Encoding");
        return finish(builder, stream.into_body());
    }
    let mut chunks = Chunks::default();
    chunks.push(&head);
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            chunks.push(b",");
        }
        match piece {
            Piece::Plain(bytes) => chunks.push(bytes),
            Piece::Item(object) => chunks.push(object.item_bytes()),
        }
    }
    chunks.push(b"]}");
    finish(builder(200, "application/json"), chunks.into_body())
}

/// Collects bytes in buffers of a size that the network likes.
#[derive(Default)]
struct Chunks {
    full: Vec<Bytes>,
    current: BytesMut,
}

impl Chunks {
    fn push(&mut self, bytes: &[u8]) {
        self.current.put_slice(bytes);
        if self.current.len() >= 256 * 1024 {
            self.full.push(self.current.split().freeze());
        }
    }

    fn into_body(mut self) -> Body {
        if self.full.is_empty() {
            return Body::from(self.current.freeze());
        }
        self.full.push(self.current.freeze());
        Body::from_stream(stream::iter(self.full.into_iter().map(Ok::<_, Infallible>)))
    }
}

/// A gzip stream that is joined from deflate blocks made earlier.
struct GzipStream {
    chunks: Chunks,
    checksum: flate2::Crc,
}

impl GzipStream {
    fn new() -> Self {
        let mut chunks = Chunks::default();
        chunks.push(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);
        Self { chunks, checksum: flate2::Crc::new() }
    }

    /// Adds short text as stored blocks.
    fn push_plain(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(usize::from(u16::MAX)) {
            let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
            self.chunks.push(&[0]);
            self.chunks.push(&length.to_le_bytes());
            self.chunks.push(&(!length).to_le_bytes());
            self.chunks.push(part);
        }
        self.checksum.update(bytes);
    }

    fn push_deflated(&mut self, deflated: &Deflated, plain_length: usize) {
        debug_assert_eq!(usize::try_from(deflated.checksum.amount()).ok(), Some(plain_length));
        self.chunks.push(&deflated.blocks);
        self.checksum.combine(&deflated.checksum);
    }

    fn into_body(mut self) -> Body {
        self.chunks.push(&[3, 0]);
        self.chunks.push(&self.checksum.sum().to_le_bytes());
        self.chunks.push(&self.checksum.amount().to_le_bytes());
        self.chunks.into_body()
    }
}

/// A stream of watch events, one JSON document a line.
pub fn watch_response(events: impl futures::Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures::StreamExt;
    finish(builder(200, "application/json"), Body::from_stream(events.map(Ok::<_, Infallible>)))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::store::object::Object;

    #[tokio::test]
    async fn a_list_joined_from_compressed_items_is_one_valid_gzip_stream() {
        let objects: Vec<_> = (0..300)
            .map(|index| Object::new(json!({"metadata": {"name": format!("pod-{index}"), "x": "y".repeat(1000)}})))
            .collect();
        let info = RequestInfo { gzip: true, ..RequestInfo::default() };
        let response =
            list_response(&info, &json!({"kind": "PodList"}), objects.iter().map(|object| Piece::Item(object)));
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain).unwrap();
        let list: Value = serde_json::from_str(&plain).unwrap();
        assert_eq!(list["items"].as_array().unwrap().len(), 300);
        assert_eq!(list["items"][299]["metadata"]["name"], "pod-299");
    }

    #[test]
    fn the_first_known_form_of_accept_wins() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(form_of(table), Some(Form::Table));
        assert_eq!(form_of("application/vnd.kubernetes.protobuf,application/json"), Some(Form::Plain));
        assert_eq!(form_of("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), Some(Form::Partial));
        assert_eq!(form_of("application/vnd.kubernetes.protobuf"), None);
    }
}
