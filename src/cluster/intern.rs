//! Texts that repeat over thousands of objects, kept once.

use std::borrow::{Borrow, Cow};
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::domain::workload::Access;

/// A text in a response: borrowed from its bytes unless it holds escapes; `null` is the empty text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text<'b>(Cow<'b, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'b, 'de: 'b> Deserialize<'de> for Text<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed("")))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Lives as long as one read of the cluster.
#[derive(Debug, Default)]
pub(super) struct Interner {
    texts: HashSet<Arc<str>>,
    accesses: HashSet<Shared>,
}

/// An `Arc` that is looked up by what it holds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Shared(Arc<Access>);

impl Borrow<Access> for Shared {
    fn borrow(&self) -> &Access {
        &self.0
    }
}

impl Interner {
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    pub(super) fn access(&mut self, access: Access) -> Arc<Access> {
        if let Some(known) = self.accesses.get(&access) {
            return Arc::clone(&known.0);
        }
        let new = Arc::new(access);
        self.accesses.insert(Shared(Arc::clone(&new)));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let mut interner = Interner::default();
        assert!(Arc::ptr_eq(&interner.text("a"), &interner.text("a")));
        let access = || Access { namespace: "n".into(), ..Access::default() };
        assert!(Arc::ptr_eq(&interner.access(access()), &interner.access(access())));
    }

    #[test]
    fn a_text_is_borrowed_when_it_can_be() {
        assert!(matches!(serde_json::from_str::<Text<'_>>("\"plain\"").unwrap().0, Cow::Borrowed("plain")));
        assert!(matches!(serde_json::from_str::<Text<'_>>("\"a\\nb\"").unwrap().0, Cow::Owned(_)));
        assert_eq!(&*serde_json::from_str::<Text<'_>>("null").unwrap(), "");
        assert!(serde_json::from_str::<Text<'_>>("1").is_err());
    }
}
