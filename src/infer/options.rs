//! What the builder was told beside the source: `bdist_wheel --universal`.

use std::collections::BTreeMap;

use super::Inference;
use crate::evidence::SdistEvidence;
use crate::evidence::WheelEvidence;

/// The builders that know the option.
const KNOWING: &[&str] = &["setuptools", "bdist_wheel"];

pub(super) fn infer(inference: &mut Inference, wheel: &WheelEvidence, sdist: &SdistEvidence) {
    let builder = wheel.builder.as_ref().map_or("", |builder| &builder.name);
    let has = |tag: &str| wheel.tags.iter().any(|it| it == tag);
    if !KNOWING.contains(&builder)
        || sdist.says_universal
        || !has("py2-none-any")
        || !has("py3-none-any")
    {
        return;
    }
    let options = BTreeMap::from([("universal".to_owned(), "1".to_owned())]);
    inference
        .distutils
        .insert("bdist_wheel".to_owned(), options);
    inference.because(
        "distutils",
        "bdist_wheel universal = 1",
        "WHEEL has tags for py2 and py3, which nothing in the sdist asks for: `bdist_wheel --universal`",
    );
}
