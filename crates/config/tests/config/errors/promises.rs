use super::refused;

/// The settings of one promise about a check that runs each 30 seconds.
fn promise(lines: &str) -> String {
    let check =
        "[check.web]\nhttp = { url = \"http://127.0.0.1/\" }\n[slo.web]\nchecks = \"web\"\n";
    format!("{check}{lines}\n")
}

#[test]
fn an_objective_is_a_share() {
    let expected = "the settings have a problem

error: `slo.web.objective` cannot be 99.9
 --> evenkeel.toml:5:13
  |
5 | objective = 99.9
  |             ^^^^ a share, not a percentage: 0.999
  |
  = help: accepted: above 0 and below 1, such as 0.999
";
    assert_eq!(refused(&promise("objective = 99.9")), expected);
    for (objective, because) in [
        ("1", "cannot be 1\n"),
        ("0", "no promise is none"),
        ("\"three nines\"", "not a decimal number"),
        ("0.9999999999999", "not a decimal number"),
        ("-0.5", "not a decimal number"),
    ] {
        let text = refused(&promise(&format!("objective = {objective}")));
        assert!(text.contains(because), "{text}");
    }
}

#[test]
fn a_window_that_one_bad_slice_breaks_is_refused_with_the_arithmetic() {
    let expected = "the settings have a problem

error: at 99.9 % a window of 1h with 30s slices allows 0.12 bad slices: one bad slice breaks it
 --> evenkeel.toml:5:10
  |
5 | window = \"1h\"
  |          ^^^^ too short for this objective
  |
  = help: accepted: from 9h on, or a lower objective, or a shorter interval of its checks
";
    assert_eq!(refused(&promise("window = \"1h\"")), expected);
    let text = refused(&promise("window = \"401d\""));
    assert!(text.contains("`slo.web.window` is longer than the history is kept: 400d"), "{text}");
}

#[test]
fn what_may_be_unknown_is_a_share_and_what_must_be_bad_is_possible() {
    let text = refused(&promise("exclude_unknown_up_to = \"120%\""));
    assert!(text.contains("`slo.web.exclude_unknown_up_to` cannot be `120%`"), "{text}");
    let text = refused(&promise("min_bad = 9000"));
    let because = "the longest window that a burn rate is told of is 3d, 8640 slices of 30s";
    assert!(text.contains(because), "{text}");
    assert!(refused(&promise("min_bad = 0")).contains("accepted: 1 to 8640"));
}

#[test]
fn a_check_that_does_not_exist_is_told_with_the_one_that_was_meant() {
    let settings =
        "[check.web]\nhttp = { url = \"http://127.0.0.1/\" }\n[slo.web]\nchecks = [\"wbe\"]\n";
    assert!(refused(settings).contains("did you mean `web`?"), "{}", refused(settings));
}
