//! The status page in a real browser.

use evenkeel_tests::{Agent, Browser, LONG, Scratch, installed};

#[test]
fn without_scripts_the_page_shows_the_checks_and_rules_in_a_real_browser() {
    if !installed("chromium") || !installed("chromedriver") {
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.file("shared/a.hash", "x", 0o644);
    let settings = format!(
        "[check.first-file]\nfile = {{ path = \"{0}\" }}\ntimeout = \"1s\"\nretries = 0\ninterval = \"1s\"\n\
         [check.lost-file]\nfile = {{ path = \"{0}.lost\" }}\ntimeout = \"1s\"\nretries = 0\ninterval = \"1s\"\n\
         [permissions.shared-files]\npath = \"{1}\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\n",
        file.display(),
        scratch.join("shared").display()
    );
    let agent = Agent::start(&scratch, &settings);
    agent.await_check("first-file", "up", LONG);
    agent.await_check("lost-file", "down", LONG);

    let browser = Browser::open(&scratch, 1_100, "en");
    browser.refuse_scripts();
    browser.load(&format!("http://{}/", agent.address()));
    let dom = browser.document();

    for word in ["first-file", "lost-file is down", "shared-files", "1 thing does not hold"] {
        let plain = dom.replace("</a>", "");
        assert!(plain.contains(word), "the page shows `{word}`:\n{dom}");
    }
}

#[test]
fn the_page_takes_nothing_from_other_places_and_answers_no_foreign_host() {
    let scratch = Scratch::new();
    let agent = Agent::start(&scratch, "");
    let page = agent.get("/");
    assert_eq!(page.status, 200);
    assert!(page.head.to_ascii_lowercase().contains("content-security-policy"), "{}", page.head);
    for foreign in ["src=\"http", "href=\"http", "src=\"//", "@import"] {
        assert!(!page.body.contains(foreign), "the page loads `{foreign}`");
    }
    let rebound = agent.get_as("rebound.example", "/api/status");
    assert!(
        matches!(rebound.status, 400..=499),
        "a page of another name cannot read the status: {rebound:?}"
    );
}
