//! JSON that is changed in one place and kept to the letter everywhere else: order, numbers and duplicates too.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's entries as they stand.
#[derive(Debug, Default)]
pub struct Object(pub Vec<(String, Json)>);

/// A value that was looked into, or was not.
#[derive(Debug)]
pub enum Json {
    /// As it was read.
    Raw(Box<RawValue>),
    Object(Object),
    Array(Vec<Json>),
}

impl Object {
    /// Reads a text that has to be an object.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The value of a key, looked into; the last one, as readers take it.
    pub fn get(&mut self, key: &str) -> Option<&mut Json> {
        self.0.iter_mut().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl Json {
    /// A value as it is written.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self::Raw(RawValue::from_string(text.to_owned())?))
    }

    /// As an object to be changed, if it is one.
    pub fn object(&mut self) -> Option<&mut Object> {
        if let Self::Raw(raw) = self
            && let Ok(object) = Object::read(raw.get())
        {
            *self = Self::Object(object);
        }
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// As an array to be changed, if it is one.
    pub fn array(&mut self) -> Option<&mut Vec<Self>> {
        if let Self::Raw(raw) = self
            && let Ok(items) = serde_json::from_str::<Vec<Box<RawValue>>>(raw.get())
        {
            *self = Self::Array(items.into_iter().map(Self::Raw).collect());
        }
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// As it is written in a file, at this depth.
    pub fn write(&self, depth: usize, to: &mut String) {
        let (open, close, items): (char, char, Vec<(String, &Self)>) = match self {
            Self::Raw(raw) => return to.push_str(raw.get()),
            Self::Array(items) => {
                ('[', ']', items.iter().map(|item| (String::new(), item)).collect())
            }
            Self::Object(Object(entries)) => {
                let name = |name: &String| format!("{}: ", serde_json::Value::from(name.as_str()));
                ('{', '}', entries.iter().map(|(key, value)| (name(key), value)).collect())
            }
        };
        to.push(open);
        for (n, (name, value)) in items.iter().enumerate() {
            to.push_str(if n == 0 { "\n" } else { ",\n" });
            to.push_str(&"  ".repeat(depth + 1));
            to.push_str(name);
            value.write(depth + 1, to);
        }
        if !items.is_empty() {
            to.push('\n');
            to.push_str(&"  ".repeat(depth));
        }
        to.push(close);
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    entries.push((key, Json::Raw(value)));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
