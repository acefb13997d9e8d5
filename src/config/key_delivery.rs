//! Where keys and licences are, beside the one listener's `/keydelivery`.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serialize};

/// The `[key_delivery]` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyDelivery {
    /// Hosts, with their port where it is not the usual one, at whose root keys and licences are.
    #[serde(deserialize_with = "list")]
    pub hosts: Vec<String>,
    /// Address of a second listener that serves keys and licences alone, at its root.
    pub listen: Option<SocketAddr>,
}

/// A list, or text with commas as variables have it.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        List(Vec<String>),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::List(hosts) => hosts,
        Written::Text(text) => {
            let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
            hosts.map(str::to_owned).collect()
        }
    })
}
