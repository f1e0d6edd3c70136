//! The gist of an answer: of a JSON value, the members that a type reads, and nothing of the others.
//!
//! A type is read from the value as always; what it asks for while it is read is noted. Members that it does not know are
//! left out, and of one whose value it does not look at (is there a secret?) stays that it was there.

use serde::de;
use serde::de::DeserializeOwned;
use serde::de::DeserializeSeed;
use serde::de::IntoDeserializer as _;
use serde::de::Visitor;
use serde_json::Error;
use serde_json::Map;
use serde_json::Value;

/// The type, and the gist it was read from. Reading the gist again gives the same.
pub(crate) fn gist<T: DeserializeOwned>(value: &Value) -> Result<(T, Value), Error> {
    let mut kept = Value::Null;
    let read = T::deserialize(Reader { value, kept: &mut kept })?;
    Ok((read, kept))
}

struct Reader<'v, 'k> {
    value: &'v Value,
    kept: &'k mut Value,
}

impl Reader<'_, '_> {
    /// All of it is looked at.
    fn whole<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.kept = self.value.clone();
        de::Deserializer::deserialize_any(self.value.clone(), visitor)
    }
}

impl<'de> de::Deserializer<'de> for Reader<'_, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.whole(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.kept = Value::Bool(true);
        visitor.visit_unit()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Value::Array(items) = self.value else { return self.whole(visitor) };
        let mut kept = Vec::with_capacity(items.len());
        let read = visitor.visit_seq(Items { items: items.iter(), kept: &mut kept })?;
        *self.kept = Value::Array(kept);
        Ok(read)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Value::Object(members) = self.value else { return self.whole(visitor) };
        let mut kept = Map::new();
        let known = members.iter().filter(|(name, _)| fields.contains(&name.as_str()));
        let known: Vec<(&String, &Value)> = known.collect();
        let members = Members { left: known.into_iter(), next: None, kept: &mut kept };
        let read = visitor.visit_map(members)?;
        *self.kept = Value::Object(kept);
        Ok(read)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map enum identifier
    }
}

struct Items<'v, 'k> {
    items: std::slice::Iter<'v, Value>,
    kept: &'k mut Vec<Value>,
}

impl<'de> de::SeqAccess<'de> for Items<'_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.items.next() else { return Ok(None) };
        let mut kept = Value::Null;
        let read = seed.deserialize(Reader { value, kept: &mut kept })?;
        self.kept.push(kept);
        Ok(Some(read))
    }
}

struct Members<'v, 'k> {
    left: std::vec::IntoIter<(&'v String, &'v Value)>,
    next: Option<(&'v String, &'v Value)>,
    kept: &'k mut Map<String, Value>,
}

impl<'de> de::MapAccess<'de> for Members<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.next = self.left.next();
        let name = self.next.map(|(name, _)| name.as_str().into_deserializer());
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, value)) = self.next.take() else {
            return Err(de::Error::custom("a value without its name"));
        };
        let mut kept = Value::Null;
        let read = seed.deserialize(Reader { value, kept: &mut kept })?;
        self.kept.insert(name.clone(), kept);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::IgnoredAny;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    struct Row {
        uuid: String,
        #[serde(rename = "type", alias = "kind")]
        type_: Option<String>,
        secret: Option<IgnoredAny>,
        #[serde(default)]
        users: Vec<User>,
        count: Option<u64>,
        state: Option<State>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct User {
        name: String,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(untagged)]
    enum State {
        Number(i64),
        Text(String),
    }

    #[test]
    fn what_is_not_read_is_not_kept_and_the_gist_reads_the_same() {
        let value = json!([
            {
                "uuid": "1", "type": "a", "value": "the secret of a variable", "secret": "hush",
                "users": [{"name": "ada", "email": "ada@acme.example"}], "count": 3, "state": "on",
                "description": {"raw": "text of a person"},
            },
            {"uuid": "2", "secret": null, "state": 7, "kind": null},
        ]);
        let (read, kept): (Vec<Row>, Value) = gist(&value).unwrap();
        let again: Vec<Row> = serde_json::from_value(kept.clone()).unwrap();
        assert_eq!(read, again);
        assert!(read[0].secret.is_some() && read[1].secret.is_none());
        let text = kept.to_string();
        for left in ["hush", "of a variable", "acme.example", "text of a person"] {
            assert!(!text.contains(left), "{text}");
        }
        assert_eq!(
            read,
            serde_json::from_value::<Vec<Row>>(value).unwrap(),
            "as it is read otherwise"
        );
    }

    #[test]
    fn what_cannot_be_read_is_an_error_here_too() {
        assert!(gist::<Vec<Row>>(&json!([{"type": "a"}])).is_err());
        assert!(gist::<Row>(&json!([1])).is_err());
        assert!(gist::<Vec<Row>>(&json!({"uuid": "1"})).is_err());
    }
}
