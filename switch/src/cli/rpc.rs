//! `rpc METHOD JSON`: one call to a running switch, for scripts.

use super::{Failure, Place, cases};
use crate::{rpc::client::RpcClient, web::certificate};
use clap::Args;
use serde_json::Value;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    process::ExitCode,
};
use tandem_protocol::RpcError;

#[derive(Debug, Args)]
pub(super) struct RpcArgs {
    /// Method, e.g. `account.list`; `rpc.discover` describes all of them.
    method: String,
    /// Its parameters, one JSON object; `-` reads standard input.
    #[arg(default_value = "{}")]
    params: String,
    /// Address of the switch; that of the configuration if left out.
    #[arg(long)]
    server: Option<SocketAddr>,
    /// Log-in name.
    #[arg(long, default_value = "admin")]
    user: String,
    /// Its password. Others on this machine see the words of a command: better in the environment.
    #[arg(long, env = "TANDEM_PASSWORD", hide_env_values = true)]
    password: String,
    /// SHA-256 of the switch's certificate; the one in the data folder if left out.
    #[arg(long)]
    pin: Option<String>,
}

pub(super) fn run(place: &Place, args: &RpcArgs) -> Result<ExitCode, Failure> {
    let config = place.load()?;
    let params: Value = if args.params == "-" {
        cases::read(Path::new("-"))?
    } else {
        serde_json::from_str(&args.params).map_err(|error| format!("parameters: {error}"))?
    };
    let pin = match &args.pin {
        Some(pin) => pin.clone(),
        None => certificate::kept_fingerprint(&config.data)?,
    };
    let address = args.server.unwrap_or_else(|| reachable(config.rpc.address));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(async {
        let (client, _events) = RpcClient::connect(address, &pin).await?;
        let called = match client.login(&args.user, &args.password).await {
            Ok(_) => client.call_named(&args.method, params).await,
            Err(refused) => Err(refused),
        };
        Ok::<_, Failure>(called)
    })?;
    match answer {
        Ok(result) => {
            cases::write(&result)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(refusal(&args.method, &error).into()),
    }
}

/// For people, with the stable code for scripts. Faults of an edit are told each with its field already.
fn refusal(method: &str, error: &RpcError) -> String {
    let code = serde_json::to_value(error.code()).unwrap_or_default();
    let code = code.as_str().unwrap_or_default();
    let names = |field: &str| {
        let rest = error.message.strip_prefix(field);
        rest.is_some_and(|rest| rest.starts_with(':'))
    };
    match error.data.field.as_deref().filter(|field| !names(field)) {
        Some(field) => format!("{method}: {code}: {field}: {error}"),
        None => format!("{method}: {code}: {error}"),
    }
}

/// A switch that listens on all addresses is reached on this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: IpAddr = if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        };
        address.set_ip(loopback);
    }
    address
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use tandem_protocol::{ErrorCode, RpcError};

    #[test]
    fn a_field_is_named_once() {
        for (error, told) in [
            (
                RpcError::invalid("edit.name", "edit.name: is taken; edit.rules: no such key"),
                "m: invalid: edit.name: is taken; edit.rules: no such key",
            ),
            (
                RpcError::invalid("limit", "limit 0 is not 1 to 1000"),
                "m: invalid: limit: limit 0 is not 1 to 1000",
            ),
            (
                RpcError::invalid("edit.name", "edit.names: are two"),
                "m: invalid: edit.name: edit.names: are two",
            ),
            (
                RpcError::new(ErrorCode::NotFound, "gateway 7 does not exist").remedy("look"),
                "m: not_found: gateway 7 does not exist (look)",
            ),
        ] {
            assert_eq!(refusal("m", &error), told);
        }
    }
}
