//! Our hooks in Claude Code's settings: put in and taken out, with all else left as it stands.

use serde_json::{Value, json};

use super::EVENTS;
use super::raw::{Json, Object};

/// The settings with our hooks, whoever put other versions of them in before.
pub fn with_hooks(text: &str, program: &str) -> Result<String, String> {
    change(text, |hooks| {
        for (event, timeout) in EVENTS {
            take_out(hooks, event);
            let command = Value::from(format!("{program} hook claude-code {event}"));
            let hook =
                format!(r#"{{"type": "command", "command": {command}, "timeout": {timeout}}}"#);
            let group = format!(r#"{{"hooks": [{hook}]}}"#);
            let group = Json::read(&group).map_err(|error| error.to_string())?;
            match hooks.get(event) {
                None => hooks.0.push((event.to_owned(), Json::Array(vec![group]))),
                Some(groups) => match groups.array() {
                    Some(groups) => groups.push(group),
                    None => return Err(format!("hooks.{event} is no list")),
                },
            }
        }
        Ok(())
    })
}

/// The settings without our hooks.
pub fn without_hooks(text: &str) -> Result<String, String> {
    change(text, |hooks| {
        EVENTS.iter().for_each(|(event, _)| take_out(hooks, event));
        Ok(())
    })
}

/// Whether our hooks stand in them as they would be put in now.
pub fn holds(text: &str, program: &str) -> bool {
    let Ok(settings) = serde_json::from_str::<Value>(text) else { return false };
    EVENTS.iter().all(|(event, timeout)| {
        let command = format!("{program} hook claude-code {event}");
        let hook = json!({"type": "command", "command": command, "timeout": timeout});
        let groups = settings.pointer(&format!("/hooks/{event}")).and_then(Value::as_array);
        let handlers =
            groups.into_iter().flatten().filter_map(|group| group.get("hooks")?.as_array());
        let ours: Vec<&Value> = handlers.flatten().filter(|hook| is_ours(hook, event)).collect();
        ours == [&hook]
    })
}

fn change(
    text: &str,
    change: impl FnOnce(&mut Object) -> Result<(), String>,
) -> Result<String, String> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let mut settings =
        Object::read(text).map_err(|error| format!("it is no JSON object: {error}"))?;
    if settings.get("hooks").is_none() {
        settings.0.push(("hooks".to_owned(), Json::Object(Object::default())));
    }
    let hooks = settings.get("hooks").and_then(Json::object).ok_or("its \"hooks\" is no object")?;
    change(hooks)?;
    if hooks.0.is_empty() {
        settings.0.retain(|(key, _)| key != "hooks");
    }
    let mut written = String::new();
    Json::Object(settings).write(0, &mut written);
    written.push('\n');
    Ok(written)
}

/// Takes our hook of an event out, and a list that held nothing else.
fn take_out(hooks: &mut Object, event: &str) {
    let Some(groups) = hooks.get(event).and_then(Json::array) else { return };
    let before = groups.len();
    groups.retain_mut(|group| {
        let holds = |group: &Json| match group {
            Json::Raw(raw) => {
                let group: Value = serde_json::from_str(raw.get()).unwrap_or_default();
                let handlers = group.get("hooks").and_then(Value::as_array);
                handlers.into_iter().flatten().any(|hook| is_ours(hook, event))
            }
            _ => false,
        };
        // One that holds none of ours is not even written anew.
        if !holds(group) {
            return true;
        }
        let handlers = group.object().and_then(|group| group.get("hooks")).and_then(Json::array);
        let Some(handlers) = handlers else { return true };
        handlers.retain(|hook| match hook {
            Json::Raw(raw) => {
                !serde_json::from_str(raw.get()).is_ok_and(|hook: Value| is_ours(&hook, event))
            }
            _ => true,
        });
        !handlers.is_empty()
    });
    if before > 0 && groups.is_empty() {
        hooks.0.retain(|(key, _)| key != event);
    }
}

/// A command of ours: the program, the home at most, and the event; nothing around it.
fn is_ours(hook: &Value, event: &str) -> bool {
    let command = hook.get("command").and_then(Value::as_str).unwrap_or_default();
    let Some(program) = command.strip_suffix(&format!(" hook claude-code {event}")) else {
        return false;
    };
    let program = program.split_once(" --home ").map_or(program, |(program, _)| program);
    let name = program.trim_matches('\'').rsplit(['/', '\\']).next();
    matches!(name, Some("mirror" | "mirror.exe")) && !program.contains([';', '|', '&', '\n'])
}

/// A word as a shell takes it for one.
pub fn word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@%".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const THEIRS: &str = r#"{
    "model": "opus",   "huge": 123456789012345678901234567890, "rate": 1.10,
    "hooks": {
        "Stop": [ { "matcher": "",  "hooks": [ {"type":"command","command":"say 'done'"} ] } ],
        "PreToolUse": [{"matcher":"Bash","hooks":[{"type":"command","command":"check"}]}]
    },
    "permissions": {"allow": ["Bash(ls:*)"], "deny": []}
}"#;

    #[test]
    fn hooks_come_and_go_and_all_else_stays_to_the_letter() {
        let with = with_hooks(THEIRS, "/usr/bin/mirror").unwrap();
        assert!(holds(&with, "/usr/bin/mirror") && !holds(&with, "/opt/mirror"), "{with}");
        for kept in [
            r#"{ "matcher": "",  "hooks": [ {"type":"command","command":"say 'done'"} ] }"#,
            r#"[{"matcher":"Bash","hooks":[{"type":"command","command":"check"}]}]"#,
            r#"{"allow": ["Bash(ls:*)"], "deny": []}"#,
            "123456789012345678901234567890",
            "1.10",
        ] {
            assert!(with.contains(kept), "{kept} in {with}");
        }
        let keys: Vec<&str> = ["model", "huge", "rate", "hooks", "permissions"].into();
        let at = |key: &&str| with.find(&format!("\"{key}\""));
        assert!(keys.windows(2).all(|pair| at(&pair[0]) < at(&pair[1])), "{with}");
        assert_eq!(with_hooks(&with, "/usr/bin/mirror").unwrap(), with, "twice is once");
        let without = without_hooks(&with).unwrap();
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&without), value(THEIRS));
    }

    #[test]
    fn an_earlier_version_is_replaced_and_a_neighbour_in_its_group_stays() {
        let old = r#"{"hooks":{"Stop":[{"hooks":[
            {"type":"command","command":"'/old place/mirror' --home /x hook claude-code Stop"},
            {"type":"command","command":"theirs"}]}]}}"#;
        let with = with_hooks(old, "mirror").unwrap();
        assert!(!with.contains("/old place") && with.contains("theirs"), "{with}");
        let without = without_hooks(&with).unwrap();
        assert!(without.contains("theirs") && !without.contains("claude-code"), "{without}");
    }

    #[test]
    fn what_only_mentions_us_is_not_ours() {
        for command in [
            "log; mirror hook claude-code Stop",
            "my-mirror hook claude-code Stop",
            "mirror hook claude-code Stop && say done",
            "mirror hook claude-code SessionEnd",
        ] {
            assert!(!is_ours(&json!({"command": command}), "Stop"), "{command}");
        }
        assert!(is_ours(&json!({"command": "mirror --home '/a b' hook claude-code Stop"}), "Stop"));
    }

    #[test]
    fn settings_that_are_none_are_refused() {
        for text in ["[]", "// comment\n{}", r#"{"hooks":[]}"#, r#"{"hooks":{"Stop":{}}}"#, "{"] {
            assert!(with_hooks(text, "mirror").is_err(), "{text}");
        }
        assert!(holds(&with_hooks("", "mirror").unwrap(), "mirror"));
        assert_eq!(without_hooks(&with_hooks("{}", "mirror").unwrap()).unwrap(), "{}\n");
    }
}
