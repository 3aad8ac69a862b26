//! What the workspace's tests share. [`kit`] is virtual phones and gateways around the real call core, [`sim`] whole
//! days of an operator drawn from seeds.

pub mod kit;
pub mod sim;
