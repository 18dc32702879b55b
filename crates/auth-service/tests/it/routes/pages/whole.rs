//! Two pages as a browser gets them, whole: what stands around every page, a form, and a failure. A change of markup that no other
//! test looks for is seen here.

use insta::assert_snapshot;

use crate::support::{Answer, TestApp, redact};

/// The page, without what changes with our files, and without empty lines.
fn markup(answer: &Answer) -> String {
    let mut parts = answer.body.split("?v=");
    let first = parts.next().unwrap_or_default().to_owned();
    let body = parts.fold(first, |page, part| page + "?v=[hash]" + &part[16..]);
    let lines = body.lines().map(str::trim_end).filter(|line| !line.is_empty());
    format!("{}\n{}", answer.status, redact(&lines.collect::<Vec<_>>().join("\n")))
}

#[tokio::test]
async fn the_sign_in_page() {
    let app = TestApp::start().await;
    let page = app.browser().get("/sign-in?return_to=https://app.example.com/protected").await;
    assert_snapshot!(markup(&page), @r##"
    200 OK
    <!doctype html>
    <html lang="en" dir="ltr">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <title>Sign in · Keyward</title>
    <link rel="icon" type="image/svg+xml" href="/static/favicon.svg?v=[hash]">
    <link rel="stylesheet" href="/static/style.css?v=[hash]">
    <link rel="stylesheet" href="/static/brand.css?v=[hash]">
    </head>
    <body class="narrow">
    <a class="skip" href="#main">Skip to content</a>
    <header class="top">
    <a class="brand" href="/">
    <svg class="mark" aria-hidden="true" viewBox="0 0 48 48" width="36" height="36"><path class="mark-ring" d="M28.5 4a20.5 20.5 0 0 1 15.5 15.500M44 28.500A20.5 20.5 0 0 1 28.5 44M19.5 44A20.5 20.5 0 0 1 4 28.500M4 19.500A20.5 20.5 0 0 1 19.5 4"/><circle class="mark-disc" cx="24" cy="24" r="15.5"/><path class="mark-hole" d="M24 15a5 5 0 0 1 2.7 9.200l1.7 7.100a1.1 1.1 0 0 1-1.07 1.360h-6.660a1.1 1.1 0 0 1-1.07-1.360l1.7-7.100A5 5 0 0 1 24 15Z"/></svg>
    <span dir="auto">Keyward</span>
    </a>
    </header>
    <main id="main" class="card" tabindex="-1">
    <h1>Sign in</h1>
    <form method="post" action="/sign-in" novalidate>
    <input type="hidden" name="return_to" value="https://app.example.com/protected">
    <div class="field">
    <label for="email">E-mail address</label>
    <input id="email" name="email" autocomplete="username" type="email" inputmode="email" dir="ltr" spellcheck="false" autocapitalize="none" value="" required>
    </div>
    <div class="field">
    <label for="password">Password</label>
    <input id="password" name="password" autocomplete="current-password" type="password" dir="ltr" spellcheck="false" autocapitalize="none" required>
    </div>
    <p class="beside"><a href="/reset?return_to=https%3A%2F%2Fapp.example.com%2Fprotected">Forgot your password?</a></p>
    <button class="main">Sign in</button>
    </form>
    <p class="aside">New here? <a href="/sign-up?return_to=https%3A%2F%2Fapp.example.com%2Fprotected">Create account</a></p>
    </main>
    <footer class="foot">
    <form method="post" action="/language" aria-label="Language">
    <input type="hidden" name="next" value="/sign-in?return_to=https%3A%2F%2Fapp.example.com%2Fprotected">
    <button class="quiet" name="language" value="en" lang="en" aria-pressed="true">English</button>
    <button class="quiet" name="language" value="de" lang="de" aria-pressed="false">Deutsch</button>
    </form>
    </footer>
    </body>
    </html>
    "##);
}

#[tokio::test]
async fn the_page_of_what_is_not_there() {
    let app = TestApp::start().await;
    let page = app.browser().get("/nothing/of/the/kind").await;
    assert_snapshot!(markup(&page), @r##"
    404 Not Found
    <!doctype html>
    <html lang="en" dir="ltr">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <title>There is no such page · Keyward</title>
    <link rel="icon" type="image/svg+xml" href="/static/favicon.svg?v=[hash]">
    <link rel="stylesheet" href="/static/style.css?v=[hash]">
    <link rel="stylesheet" href="/static/brand.css?v=[hash]">
    </head>
    <body class="narrow">
    <a class="skip" href="#main">Skip to content</a>
    <header class="top">
    <a class="brand" href="/">
    <svg class="mark" aria-hidden="true" viewBox="0 0 48 48" width="36" height="36"><path class="mark-ring" d="M28.5 4a20.5 20.5 0 0 1 15.5 15.500M44 28.500A20.5 20.5 0 0 1 28.5 44M19.5 44A20.5 20.5 0 0 1 4 28.500M4 19.500A20.5 20.5 0 0 1 19.5 4"/><circle class="mark-disc" cx="24" cy="24" r="15.5"/><path class="mark-hole" d="M24 15a5 5 0 0 1 2.7 9.200l1.7 7.100a1.1 1.1 0 0 1-1.07 1.360h-6.660a1.1 1.1 0 0 1-1.07-1.360l1.7-7.100A5 5 0 0 1 24 15Z"/></svg>
    <span dir="auto">Keyward</span>
    </a>
    </header>
    <main id="main" class="card" tabindex="-1">
    <h1>There is no such page</h1>
    <p class="lead">The address may be mistyped, or the page has moved.</p>
    <p><a class="second" href="/">To the start page</a></p>
    <p class="support">Support id <code>[support-id]</code></p>
    </main>
    <footer class="foot">
    <form method="post" action="/language" aria-label="Language">
    <input type="hidden" name="next" value="/nothing/of/the/kind">
    <button class="quiet" name="language" value="en" lang="en" aria-pressed="true">English</button>
    <button class="quiet" name="language" value="de" lang="de" aria-pressed="false">Deutsch</button>
    </form>
    </footer>
    </body>
    </html>
    "##);
}
