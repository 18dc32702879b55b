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

const RUN: &str = r"
    const done = arguments[arguments.length - 1];
    const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'], preload: false })
        .then((results) => done(JSON.stringify(results.violations)), (error) => done('failed: ' + error));
";

impl Browser {
    /// Fails if axe-core finds anything on the page, light or dark.
    pub(crate) async fn is_accessible(&self, tools: &Tools, page: &str) {
        for scheme in ["light", "dark"] {
            self.prefers(scheme).await;
            // The driver evaluates scripts from outside the page, so the page's own content security policy holds on.
            let script = format!("{}\n{RUN}", tools.axe);
            let result = self.driver.execute_async(script, Vec::new()).await.unwrap();
            let result: String = result.convert().unwrap();
            let violations: Vec<Violation> =
                serde_json::from_str(&result).unwrap_or_else(|_| panic!("axe on {page}: {result}"));
            assert!(violations.is_empty(), "{page} ({scheme}):{}", report(&violations));
        }
        self.prefers("light").await;
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
