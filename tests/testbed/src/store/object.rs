//! Small helpers on objects that are kept as JSON: most code of the bed reads a handful of fields, and typed structs
//! would drop the fields that they do not know.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::{Map, Value};

/// A stored object: the value, and its bytes once somebody asked for them. Lists of ten thousand pods are then a
/// concatenation, so that a measured client is the bottleneck and not this server.
#[derive(Debug)]
pub struct Object {
    value: Value,
    bytes: OnceLock<Bytes>,
    deflated: OnceLock<Deflated>,
}

/// Bytes as a run of deflate blocks that refer to nothing before them, so that runs can be joined to one gzip stream.
#[derive(Debug)]
pub struct Deflated {
    /// The blocks, ended at a byte boundary, the last one not marked as final.
    pub blocks: Bytes,
    /// CRC of the plain bytes.
    pub checksum: flate2::Crc,
}

impl Deflated {
    /// Compresses at the level that the real server uses (1).
    pub fn of(plain: &[u8]) -> Self {
        let mut compress = flate2::Compress::new(flate2::Compression::new(1), false);
        let mut blocks = Vec::with_capacity(plain.len() / 2 + 128);
        loop {
            let consumed = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
            // A full flush both ends at a byte boundary and forgets the window. It is complete when room is left over.
            let outcome = compress.compress_vec(&plain[consumed..], &mut blocks, flate2::FlushCompress::Full);
            if outcome.is_err() || blocks.len() < blocks.capacity() {
                break;
            }
            blocks.reserve(plain.len() / 2 + 128);
        }
        let mut checksum = flate2::Crc::new();
        checksum.update(plain);
        Self { blocks: blocks.into(), checksum }
    }
}

impl Object {
    /// Wraps a value.
    pub fn new(value: Value) -> Arc<Self> {
        Arc::new(Self { value, bytes: OnceLock::new(), deflated: OnceLock::new() })
    }

    /// The object itself.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Compact JSON of the object without `kind` and `apiVersion`, as items of a list are written.
    pub fn item_bytes(&self) -> &Bytes {
        self.bytes.get_or_init(|| {
            let mut item = self.value.clone();
            if let Some(fields) = item.as_object_mut() {
                fields.remove("kind");
                fields.remove("apiVersion");
            }
            serde_json::to_vec(&item).unwrap_or_default().into()
        })
    }

    /// The same, compressed.
    pub fn item_deflated(&self) -> &Deflated {
        self.deflated.get_or_init(|| Deflated::of(self.item_bytes()))
    }
}

/// The text at a JSON pointer, empty where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer.
pub fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// Whether the JSON pointer leads to `true`.
pub fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// The list at a JSON pointer, empty where there is none.
pub fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The object at `path`, made on the way where it is missing.
pub fn object_at<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    let mut current = value;
    for key in path {
        if !current.is_object() {
            *current = Value::Object(Map::new());
        }
        current = current
            .as_object_mut()
            .expect("made an object just above")
            .entry(*key)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    if !current.is_object() {
        *current = Value::Object(Map::new());
    }
    current.as_object_mut().expect("made an object just above")
}

/// Sets a field of `value` (an object) if it is absent or null.
pub fn default_to(value: &mut Value, key: &str, default: impl Into<Value>) {
    if let Some(fields) = value.as_object_mut()
        && fields.get(key).is_none_or(Value::is_null)
    {
        fields.insert(key.to_owned(), default.into());
    }
}

/// `metadata.name`.
pub fn name(value: &Value) -> &str {
    text(value, "/metadata/name")
}

/// `metadata.namespace`.
pub fn namespace(value: &Value) -> &str {
    text(value, "/metadata/namespace")
}

/// `metadata.uid`.
pub fn uid(value: &Value) -> &str {
    text(value, "/metadata/uid")
}

/// Whether `metadata.deletionTimestamp` is set.
pub fn is_terminating(value: &Value) -> bool {
    value.pointer("/metadata/deletionTimestamp").is_some_and(|stamp| !stamp.is_null())
}

/// An annotation's text.
pub fn annotation<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// The owner reference that has `controller: true`.
pub fn controller_of(value: &Value) -> Option<&Value> {
    items(value, "/metadata/ownerReferences").iter().find(|owner| flag(owner, "/controller"))
}

/// Now, in the form of Kubernetes' timestamps.
pub fn now() -> String {
    timestamp(jiff::Timestamp::now())
}

/// A time in the form of Kubernetes' timestamps: whole seconds, UTC.
pub fn timestamp(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Letters that Kubernetes uses for generated names: no vowels, and nothing that looks like another letter.
const SAFE_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A random suffix as `generateName` and the controllers make it.
pub fn random_suffix(length: usize) -> String {
    uuid::Uuid::new_v4()
        .as_bytes()
        .iter()
        .take(length)
        .map(|byte| char::from(SAFE_LETTERS[usize::from(*byte) % SAFE_LETTERS.len()]))
        .collect()
}

/// A number as Kubernetes writes hashes of templates into names: each digit's code picks one of the letters, so that ten
/// of them occur.
pub fn safe_hash(value: &Value) -> String {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    let digits = (hasher.finish() % 10_000_000_000).to_string();
    digits.bytes().map(|digit| char::from(SAFE_LETTERS[usize::from(digit) % SAFE_LETTERS.len()])).collect()
}
