//! Who is let in where: the table in `function_table.txt` stands in the repository, so that a guard that was widened shows.

use crate::server::Place;

#[tokio::test]
async fn the_table_of_functions_and_callers_is_the_one_that_was_agreed_on() {
    let place = Place::new();
    let table = place.done(&["function", "list", "--matrix"], "").await;
    let agreed = include_str!("function_table.txt");
    assert_eq!(
        table.trim_end(),
        agreed.trim_end(),
        "Look at each difference. If all are meant: callgate function list --matrix > tests/black_box/function_table.txt"
    );
}

#[tokio::test]
async fn the_table_needs_no_database_and_leaves_nothing_behind() {
    let place = Place::new();
    let files = || -> Vec<_> {
        let entries = std::fs::read_dir(place.path(".")).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = files();
    place.done(&["function", "list", "--matrix"], "").await;
    assert_eq!(files(), before);
}
