//! The status page, open in a real browser while things happen.

use std::fs;
use std::path::Path;

use evenkeel_tests::{Agent, Browser, LONG, Scratch, installed};

/// A host with a file that may be lost, names that are hostile, and files whose modes are kept.
fn agent(scratch: &Scratch) -> Agent {
    let file = scratch.file("shared/a.hash", "x", 0o644);
    let settings = format!(
        "[check.first-file]\nfile = {{ path = \"{0}\" }}\ntimeout = \"1s\"\nretries = 0\ninterval = \"1s\"\n\
         [check.hostile]\nexec = {{ command = [\"sh\", \"-c\", \"printf '<img src=x onerror=alert(1)><script>alert(2)</script>\\\\033[31m'; exit 1\"] }}\n\
         timeout = \"1s\"\nretries = 0\ninterval = \"1s\"\n\
         [permissions.shared-files]\npath = \"{1}\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\ninterval = \"1s\"\n",
        file.display(),
        scratch.join("shared").display()
    );
    let agent = Agent::start(scratch, &settings);
    agent.await_check("first-file", "up", LONG);
    agent.await_check("hostile", "down", LONG);
    agent
}

fn url(agent: &Agent, path: &str) -> String {
    format!("http://{}{path}", agent.address())
}

/// A host, and a browser so wide whose reader reads that language; dropped in the order browser, agent, files. `None`
/// where there is no browser, which was said.
fn open(width: u32, language: &str) -> Option<(Scratch, Agent, Browser)> {
    if !(installed("chromium") && installed("chromedriver")) {
        return None;
    }
    let scratch = Scratch::new();
    let agent = agent(&scratch);
    let browser = Browser::open(&scratch, width, language);
    Some((scratch, agent, browser))
}

/// Pictures are kept where a person wants to look at them.
pub(crate) fn picture(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("PAGE_PICTURES") {
        browser.picture(&Path::new(&folder).join(name));
    }
}

#[test]
fn what_happens_appears_in_the_open_page_and_the_reader_stays_where_he_is() {
    let Some((scratch, agent, browser)) = open(1_100, "en") else { return };
    browser.load(&url(&agent, "/"));
    browser.until("the page is live", "return document.querySelector('.live.on') !== null");
    browser.run(
        "document.querySelector('a[href=\"/target/first-file\"]').focus(); window.mark = document.activeElement; \
         window.loads = performance.timeOrigin;",
    );
    assert!(!browser.text().contains("first-file is down"));

    fs::remove_file(scratch.join("shared/a.hash")).expect("the file was there");

    browser.until(
        "the fault is in the headline",
        "return document.querySelector('#attention')?.innerText.includes('first-file is down')",
    );
    let stayed =
        "return document.activeElement === window.mark && performance.timeOrigin === window.loads";
    assert_eq!(browser.run(stayed), true, "the focus stays, and the page was not loaded anew");
    picture(&browser, "overview.png");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_agent_that_is_gone_is_said_to_be_gone() {
    let Some((_scratch, agent, browser)) = open(1_100, "en") else { return };
    browser.load(&url(&agent, "/"));
    browser.until("the page is live", "return document.querySelector('.live.on') !== null");
    drop(agent);
    browser.until("the page says so", "return !document.querySelector('#stale').hidden");
    assert!(browser.text().contains("The agent does not answer"));
}

#[test]
fn hostile_outputs_are_read_and_not_obeyed() {
    let Some((_scratch, agent, browser)) = open(1_100, "en") else { return };
    for path in
        ["/", "/target/hostile", "/target/%3Cscript%3Ealert(3)%3C%2Fscript%3E", "/incident/%3Cb%3E"]
    {
        browser.load(&url(&agent, path));
        browser.until("the page is live", "return document.querySelector('.live.on') !== null");
        assert!(!browser.has_dialog(), "{path}");
        let made = browser
            .run("return document.querySelectorAll('main img, main script, main iframe').length");
        assert_eq!(made, 0, "{path}");
    }
    let foreign = ["Content Security Policy", "Refused"];
    let complaints = browser.complaints();
    assert!(
        !complaints.iter().any(|line| foreign.iter().any(|word| line.contains(word))),
        "nothing tried to run: {complaints:?}"
    );
}

#[test]
fn a_narrow_screen_is_not_scrolled_sideways() {
    let Some((_scratch, agent, browser)) = open(360, "en") else { return };
    for path in ["/", "/target/first-file", "/target/hostile", "/target/shared-files"] {
        browser.load(&url(&agent, path));
        let widths = browser.run("return [document.documentElement.scrollWidth, innerWidth]");
        assert_eq!(widths[1], 360, "{path}");
        assert!(widths[0].as_u64() <= widths[1].as_u64(), "{path}: {widths}");
    }
    browser.load(&url(&agent, "/"));
    picture(&browser, "narrow.png");
}

#[test]
fn a_reader_of_japanese_reads_japanese_and_may_choose_otherwise() {
    let Some((_scratch, agent, browser)) = open(1_100, "ja") else { return };
    browser.load(&url(&agent, "/"));
    assert_eq!(browser.run("return document.documentElement.lang"), "ja");
    assert!(browser.text().contains("チェック"), "{}", browser.text());
    picture(&browser, "japanese.png");
    browser.run("document.querySelector('a[hreflang=en]').click()");
    browser.until("the page is English", "return document.documentElement.lang === 'en'");
    browser.load(&url(&agent, "/target/first-file"));
    assert_eq!(browser.run("return document.documentElement.lang"), "en", "it is remembered");
}

#[test]
fn dark_and_light_follow_the_system_until_the_reader_chooses() {
    let Some((_scratch, agent, browser)) = open(1_100, "en") else { return };
    browser.load(&url(&agent, "/target/first-file"));
    let ground = "return getComputedStyle(document.body).backgroundColor";
    browser.prefer("light");
    let light = browser.run(ground);
    browser.prefer("dark");
    let dark = browser.run(ground);
    assert_ne!(light, dark);
    picture(&browser, "dark.png");
    browser.prefer("light");
    browser.run("document.querySelector('#theme').click()");
    browser
        .until("the reader chose dark", "return document.documentElement.dataset.theme === 'dark'");
    assert_eq!(browser.run(ground), dark);
}

#[test]
fn charts_can_be_zoomed_where_scripts_run() {
    let Some((_scratch, agent, browser)) = open(1_100, "en") else { return };
    // Samples are written every few seconds.
    evenkeel_tests::until("a size was measured twice", LONG, || {
        let series = agent.get("/api/series?subject=first-file&field=size_bytes").body;
        series.matches("\"at\"").count() > 1
    });
    browser.load(&url(&agent, "/target/first-file"));
    browser.until(
        "the chart is drawn by script",
        "return document.querySelector('.chart.drawn canvas') !== null",
    );
    picture(&browser, "target.png");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_keyboard_reaches_everything_and_begins_with_a_way_past_the_bar() {
    let Some((_scratch, agent, browser)) = open(1_100, "en") else { return };
    browser.load(&url(&agent, "/"));
    let first = "const first = document.querySelector('a, button, [tabindex]'); first.focus(); \
                 return first.getAttribute('href') === '#main' && first.getBoundingClientRect().top >= 0";
    browser.until("the skip link comes first and is seen", first);
    let unnamed = "return [...document.querySelectorAll('a, svg[role=img]')].filter((one) => \
                   !(one.textContent.trim() || one.getAttribute('aria-label'))).length";
    assert_eq!(browser.run(unnamed), 0, "everything has a name");
}
