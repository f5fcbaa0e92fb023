use super::refused;

#[test]
fn an_address_that_others_reach_needs_a_token_or_the_word_that_it_is_open() {
    for address in ["0.0.0.0:9720", "[::]:9720", "192.0.2.7:9720"] {
        let said = refused(&format!("[agent]\nlisten = \"{address}\"\n"));
        assert!(said.contains("agent.token_file") && said.contains("agent.open = true"), "{said}");
    }
}

#[test]
fn tls_takes_both_files() {
    let said = refused("[agent]\ntls = { certificate = \"/etc/evenkeel/page.pem\" }\n");
    assert!(said.contains("`agent.tls` lacks `key`"), "{said}");
}

#[test]
fn files_of_the_page_are_named_from_the_root_on() {
    let said = refused("[agent]\ntoken_file = \"page.token\"\n");
    assert!(said.contains("agent.token_file") && said.contains("absolute"), "{said}");
}
