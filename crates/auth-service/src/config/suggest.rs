//! What a name that nobody knows was probably meant to be.

use super::settings::{Setting, Settings};

/// Nearer than this a name is likely to be a slip of another (Jaro-Winkler, from 0 to 1).
const NEAR: f64 = 0.8;

/// The known name that is nearest to one that is not, if one is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let measured = known.map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let best = measured.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best.0 >= NEAR).then_some(best.1)
}

/// What to say of a key that is no setting.
pub(super) fn not_a_setting(settings: &Settings, name: &str) -> String {
    let names = || settings.all.iter().map(|setting| setting.name.as_str());
    let sections = || settings.sections.iter().map(|(section, _)| section.as_str());
    let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
    // The same key in another section first: that is where it was meant to stand.
    let moved =
        settings.all.iter().filter(|setting| setting.key() == key).map(|setting| setting.name.as_str());
    let moved = moved
        .max_by(|one, other| strsim::jaro_winkler(name, one).total_cmp(&strsim::jaro_winkler(name, other)));
    let beside = settings.all.iter().filter(|setting| setting.section() == section).map(Setting::key);
    let guess = nearest(key, beside)
        .map(|key| if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") })
        .or_else(|| moved.map(str::to_owned))
        .or_else(|| nearest(name, names().chain(sections())).map(str::to_owned));
    match guess {
        Some(guess) => format!("is no setting: did you mean {guess}?"),
        None => "is no setting: docs/reference/configuration.md has them all".to_owned(),
    }
}

/// What to say of a key that an app has not.
pub(super) fn not_a_client_key(settings: &Settings, key: &str) -> String {
    match nearest(key, settings.client_keys.iter().map(|setting| setting.name.as_str())) {
        Some(guess) => format!("is nothing that an app has: did you mean {guess}?"),
        None => "is nothing that an app has: docs/reference/configuration.md says what it has".to_owned(),
    }
}
