//! What the workspace's tests share. [`kit`] is virtual phones and gateways around the real call core.

pub mod kit;
