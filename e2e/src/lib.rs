//! Whole-system tests live in `tests/it`: the real program, a real browser.
