//! Sound files that settings name: a name is taken only if the file is there and can be played.

use super::{Api, Caller};
use serde_json::Value;
use std::sync::Arc;
use tandem_call::directory::{announcement, signalling::NO_MUSIC};
use tandem_media::sounds::check_sound;
use tandem_protocol::{RpcError, signalling::Signalling, system::SetParams};
use tandem_store::Scope;

/// Of a setting; what is no name is the store's to refuse.
pub async fn check_setting(api: &Arc<Api>, params: &SetParams) -> Result<(), RpcError> {
    let names = match (params.key.as_str(), &params.value) {
        ("music_on_hold", Value::String(name)) => vec![name.clone()],
        ("announcements", Value::Array(lines)) => lines
            .iter()
            .filter_map(|line| announcement(line.as_str()?).ok())
            .map(|(_, file)| file.to_owned())
            .collect(),
        _ => return Ok(()),
    };
    check(api, "value", names).await
}

/// Of an account.
pub async fn check_music(
    api: &Arc<Api>,
    caller: &Caller,
    signalling: &Signalling,
) -> Result<(), RpcError> {
    match caller.scope() {
        Scope::All if signalling.music != NO_MUSIC => {}
        // Not a reseller's to say: the store keeps what stands there.
        Scope::All | Scope::Branch(_) => return Ok(()),
    }
    check(api, "edit.signalling.music", vec![signalling.music.clone()]).await
}

async fn check(
    api: &Arc<Api>,
    field: &'static str,
    mut names: Vec<String>,
) -> Result<(), RpcError> {
    names.retain(|name| !name.is_empty());
    if names.is_empty() {
        return Ok(());
    }
    let folder = api.sounds.clone();
    let faults = api
        .blocking(move || {
            let faults = names
                .iter()
                .filter_map(|name| check_sound(&folder, name).err());
            faults.collect::<Vec<String>>()
        })
        .await?;
    match faults.first() {
        None => Ok(()),
        Some(fault) => Err(RpcError::invalid(field, fault)),
    }
}
