//! Reads a member of a body so that what is wrong below it says where: several members have an `id`.

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;

macro_rules! members {
    ($($name:ident),+ $(,)?) => { $(
        #[doc = concat!("`", stringify!($name), "`.")]
        pub fn $name<'de, D: Deserializer<'de>, T: Deserialize<'de>>(told: D) -> Result<T, D::Error> {
            T::deserialize(told).map_err(|error| {
                Error::custom(format!(concat!("`", stringify!($name), "`: {}"), error))
            })
        }
    )+ };
}

members!(subject, action, resource, context, evaluations, options, page);
