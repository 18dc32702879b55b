//! The reference page of the configuration, from its schema.

use std::fmt::Write as _;

use super::environment::{SHORT, variable};
use super::settings::{Kind, Setting, Settings};
use super::{bounds, value};

const HEAD: &str = "\
# The configuration

<!-- Written by a test of auth-service: UPDATE_REFERENCE=1 cargo test -p auth-service --test it reference -->

Settings are heard in layers, each over the one before: defaults; the file (`keyward.toml`, or what `--config` or
`KEYWARD_CONFIG` names); the environment; `--set SETTING=VALUE` of the command line. `auth-service config check` prints what is
in force, where each value came from, and everything that is wrong. An unknown setting is refused in each layer.

In the environment a setting is `KEYWARD__` and its name in capitals, with two underscores for each dot:
`KEYWARD__SERVER__PUBLIC_URL`. Lists have commas between (`KEYWARD__SERVER__TRUSTED_PROXIES=10.0.0.0/8,fc00::/7`). A variable that
is set to nothing counts as not set. Five settings have a short name, which other programs know too:

";

const AFTER_SHORT: &str = "
A secret is a reference in the file and in the environment ([the guide](../guide/secrets.md) has them all): `file:/absolute/path`,
`credential:NAME`, `vault:MOUNT/PATH#KEY`, `aws:NAME-or-ARN#KEY`, `gcp:projects/PROJECT/secrets/SECRET#VERSION`, `env:NAME`. Two short
names take the secret itself, since platforms hand it out so: a `DATABASE_URL` or `REDIS_URL` with a password in it, and
`REDIS_PASSWORD`. What is in the environment is warned of at start: it is read by whoever may look at the process or the container.

Of `database.path` and `database.url`, and of `redis.url` and `redis.host`, one decides: a layer that says one takes the place of
what the layers below said of the other. SQLite without Redis is the small mode, PostgreSQL with Redis the full one; nothing
between them is served, and nothing falls back by itself.

Two numbers are no settings. A mailed code has six digits: that is what the forms, the mails and a phone's keyboard of digits are made
for, and `code_tries` and `second_step_guesses` are bounded for a million codes, so that fewer digits would make them false. A
network is a /24 of IPv4 and a /56 of IPv6, what one household or small office is given: a smaller one would give somebody with
many addresses as many budgets, a larger one would count strangers together; sessions and the audit trail name the same
network, and would tell more of a person if it were smaller.

A duration is a whole number and a unit: `90s`, `10m`, `24h`, `7d`. Editors complete and check the file by
[its schema](keyward.schema.json): begin it with `#:schema https://…/keyward.schema.json`, or the path to a copy.
";

/// The whole page.
pub fn page() -> String {
    let settings = Settings::known();
    let bounds = bounds::described();
    let mut page = HEAD.to_owned();
    page.push_str("| variable | setting |\n|---|---|\n");
    for (short, setting) in SHORT {
        let _ = writeln!(page, "| `{short}` | `{setting}` |");
    }
    page.push_str(AFTER_SHORT);
    let mut sections: Vec<&str> =
        settings.all.iter().map(Setting::section).filter(|name| !name.is_empty()).collect();
    sections.sort_unstable();
    sections.dedup();
    for section in sections {
        let about = settings.sections.iter().find(|(name, _)| name == section).map_or("", |(_, about)| about);
        let _ = writeln!(page, "\n## `[{section}]`\n\n{}\n", one_line(about));
        page.push_str("| key | is | default | |\n|---|---|---|---|\n");
        for setting in settings.all.iter().filter(|setting| setting.section() == section) {
            let range =
                bounds.iter().find(|(name, _)| *name == setting.name).map(|(_, range)| range.as_str());
            row(&mut page, setting, range);
        }
    }
    let clients = settings.find("clients").map_or("", |setting| &setting.description);
    let _ = writeln!(
        page,
        "\n## `[[clients]]`\n\n{} The names are those of RFC 7591 section 2. In the environment \
         `{}` is the whole list as TOML writes it in one line.\n",
        one_line(clients),
        variable("clients"),
    );
    page.push_str("| key | is | default | |\n|---|---|---|---|\n");
    for setting in &settings.client_keys {
        row(&mut page, setting, None);
    }
    page
}

fn row(page: &mut String, setting: &Setting, range: Option<&str>) {
    let is = match (&setting.format, setting.kind) {
        (_, Kind::Text) if !setting.choices.is_empty() => {
            let choices: Vec<_> = setting.choices.iter().map(|choice| format!("`{choice}`")).collect();
            choices.join(", ")
        }
        (Some(format), Kind::Text) => match format.as_str() {
            "keyward-duration" => "duration".to_owned(),
            "email" => "e-mail address".to_owned(),
            "uri" => "URL".to_owned(),
            "path" => "path".to_owned(),
            _ => "text".to_owned(),
        },
        (_, Kind::Url) => "URL".to_owned(),
        (_, Kind::Tables) => "section".to_owned(),
        (_, kind) => kind.describe().to_owned(),
    };
    let default = match &setting.default {
        Some(default) => format!("`{}`", value::written(default)),
        None if setting.required => "must be set".to_owned(),
        None => "–".to_owned(),
    };
    let mut about = one_line(&setting.description);
    if let Some((decision, choice)) = &setting.of {
        let (_, key) = decision.rsplit_once('.').unwrap_or(("", decision));
        let _ = write!(about, " With `{key} = \"{choice}\"`.");
    }
    if let Some(range) = range {
        let _ = write!(about, " Allowed: {range}.");
    }
    if let Some(example) =
        setting.example.as_ref().filter(|_| setting.default.is_none() && setting.choices.is_empty())
    {
        let _ = write!(about, " Such as `{}`.", value::written(example));
    }
    let _ =
        writeln!(page, "| `{}` | {is} | {default} | {} |", setting.key(), about.trim().replace('|', "\\|"));
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
