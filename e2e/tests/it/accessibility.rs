//! What keeps people out of a page, found by axe-core: WCAG 2.2 A and AA, and its authors' best practices.

use std::fmt::Write;

use serde::Deserialize;

use crate::browser::Browser;
use crate::tools::Tools;

#[derive(Deserialize)]
struct Violation {
    id: String,
    help: String,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    html: String,
    failure_summary: Option<String>,
}

/// Everything that axe-core knows and we hold to.
const ALL: &str =
    "{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }";
/// What dark and light can differ in.
const CONTRAST: &str = "{ type: 'rule', values: ['color-contrast'] }";

fn run(axe: &str, rules: &str) -> String {
    format!(
        r"{axe}
        const done = arguments[arguments.length - 1];
        axe.run(document, {{ runOnly: {rules}, resultTypes: ['violations'], preload: false }})
            .then((results) => done(JSON.stringify(results.violations)), (error) => done('failed: ' + error));"
    )
}

impl Browser {
    /// Fails if axe-core finds anything on the page, light or dark.
    pub(crate) async fn is_accessible(&self, tools: &Tools, page: &str) {
        for scheme in ["light", "dark"] {
            self.prefers(scheme).await;
            self.passes(tools, ALL, &format!("{page} ({scheme})")).await;
        }
        self.prefers("light").await;
    }

    /// The same, quicker, and narrow too: everything as it is on a desk by light, and once more whatever dark and a
    /// phone's width can change.
    pub(crate) async fn is_accessible_and_legible(&self, tools: &Tools, page: &str) {
        self.passes(tools, ALL, page).await;
        self.fits(page).await;
        self.prefers("dark").await;
        self.on_a_phone(async || self.passes(tools, CONTRAST, &format!("{page} (dark, phone)")).await).await;
        self.prefers("light").await;
    }

    async fn passes(&self, tools: &Tools, rules: &str, page: &str) {
        // The driver evaluates scripts from outside the page, so the page's own content security policy holds on.
        let result = self.driver.execute_async(run(&tools.axe, rules), Vec::new()).await.unwrap();
        let result: String = result.convert().unwrap();
        let violations: Vec<Violation> =
            serde_json::from_str(&result).unwrap_or_else(|_| panic!("axe on {page}: {result}"));
        assert!(violations.is_empty(), "{page}:{}", report(&violations));
    }

    /// Takes the page's pictures and checks it.
    pub(crate) async fn inspect(&self, tools: &Tools, page: &str) {
        self.picture(page).await;
        self.is_accessible(tools, page).await;
    }
}

fn report(violations: &[Violation]) -> String {
    let mut report = String::new();
    for Violation { id, help, nodes } in violations {
        write!(report, "\n{id}: {help}").unwrap();
        for Node { html, failure_summary } in nodes {
            let summary = failure_summary.as_deref().unwrap_or_default().replace('\n', "\n      ");
            write!(report, "\n    {html}\n      {summary}").unwrap();
        }
    }
    report
}
