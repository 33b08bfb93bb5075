//! H40: imports sockets, to open a connection of its own.
//!
//! ends: plugin/forbidden-import

use ptrun_hostile::{hostile, loot};
use wasip2::sockets::instance_network::instance_network;

hostile!(|_| loot(format!("network {}", instance_network().handle())), manifest = "plain.toml");
