//! `init` and `device`: who belongs to the mesh.

use mirror_node::Node;
use mirror_node::view::{Device, Identity};
use serde_json::json;

use super::{Here, find_device};
use crate::args::{Device as DeviceCommand, Init};
use crate::output::{Exit, Result};
use crate::words;

/// `mirror init`
pub fn init(here: &Here<'_>, args: &Init) -> Result<Exit> {
    let node = Node::init(&here.home, &args.name, args.role)?;
    if let Some(folder) = &args.vault {
        node.set_vault(folder)?;
    }
    let identity = node.identity()?;
    here.out.answer(&identity, identity_words)?;
    if identity.keys == "file" {
        here.out.note("the keys are in a file that only you can read, not in the keychain");
    }
    Ok(Exit::Done)
}

/// Who this device is, in words.
pub fn identity_words(identity: &Identity) -> String {
    let Identity { device, mesh, name, role, home, .. } = identity;
    let role = words::role(*role);
    format!("device  {device}\nmesh    {mesh}\nname    {name} ({role})\nhome    {home}")
}

/// `mirror device …`
pub fn device(here: &Here<'_>, command: DeviceCommand) -> Result<Exit> {
    let node = here.node()?;
    let devices = node.devices()?;
    // What is not found here is passed on as it stands: the node names what it does not know.
    let id_of =
        |text: &str| find_device(&devices, text).map_or(text, |found| &found.device).to_owned();
    match command {
        DeviceCommand::List => here.out.list(&devices, "", device_line)?,
        DeviceCommand::Rename { device, name } => {
            let id = id_of(&device);
            node.rename_device(&id, &name)?;
            let done = json!({"device": id, "name": name});
            here.out.answer(&done, |_| format!("{device} is now called {name}"))?;
        }
        DeviceCommand::Revoke { device } => {
            let id = id_of(&device);
            node.revoke_device(&id)?;
            let done = json!({"device": id, "state": "revoked"});
            here.out.answer(&done, |_| {
                format!("{device} is no longer a member; what it wrote before stays")
            })?;
        }
    }
    Ok(Exit::Done)
}

/// One line of the list of devices.
pub fn device_line(device: &Device) -> String {
    let (id, name) = (words::short(&device.device), &device.name);
    let (role, state) = (words::role(device.role), words::state(device.state));
    let mut line = format!("{id}  {name} ({role})  ");
    if device.this {
        line.push_str("this device");
    } else {
        line.push_str(state);
        match &device.last_contact {
            Some(at) => line.push_str(&format!(", last contact {}", words::local(at))),
            None => line.push_str(", never met"),
        }
        if device.ahead > 0 {
            line.push_str(&format!(", lacks {}", words::count(device.ahead, "event")));
        }
        if device.behind > 0 {
            line.push_str(&format!(", has {} for us", words::count(device.behind, "event")));
        }
    }
    if device.forked {
        let forks = &device.forks;
        let places: Vec<_> = forks
            .iter()
            .map(|f| format!("{} behind event {}", words::short(&f.chain), f.base))
            .collect();
        line.push_str(&format!(", forked: {}", places.join(", ")));
    }
    if device.late > 0 {
        let late = words::count(device.late, "event");
        line.push_str(&format!(", {late} beyond its revocation kept without effect"));
    }
    line
}
