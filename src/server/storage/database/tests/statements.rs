//! Both engines understand every statement.

use sqlx::{AssertSqlSafe, PgConnection, SqlitePool};

use super::{
    super::{sqlite, testing},
    source::{self, Statement},
};

/// The types that parameters are sent with; see [`Value`](crate::server::storage::database::query::Value).
const TYPES: [&str; 4] = ["boolean", "bytea", "bigint", "text"];

/// Prepares a statement on both engines. PostgreSQL must find parameters of the types that they are sent with.
async fn prepare(sqlite: &SqlitePool, postgres: &mut PgConnection, statement: &str) -> Result<(), String> {
    if statement.contains("::") {
        return Err("SQLite: what follows :: is a part of the name of a parameter".to_owned());
    }
    let text = AssertSqlSafe(format!("EXPLAIN {statement}"));
    let explained = sqlx::query(text).fetch_all(sqlite).await;
    explained.map_err(|error| format!("SQLite: {error}"))?;

    let numbers = statement.split('$').skip(1).filter_map(|rest| {
        let length = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
        rest[..length].parse::<usize>().ok()
    });
    let mut types = vec!["unknown"; numbers.max().unwrap_or_default()];
    let mut found = parameters(postgres, statement, &types).await;
    // Where PostgreSQL cannot tell the type of a parameter, the one that it is sent with decides.
    while let Err(error) = &found
        && let Some(number) = undetermined(error)
    {
        let mut last = None;
        for name in TYPES {
            types[number - 1] = name;
            let result = parameters(postgres, statement, &types).await;
            let is_next = result.as_ref().err().is_none_or(|error| undetermined(error).is_some());
            last = Some(result);
            if is_next {
                break;
            }
        }
        found = last.unwrap_or(Ok(Vec::new()));
    }
    let types = found.map_err(|error| format!("PostgreSQL: {error}"))?;
    match types.iter().position(|name| !TYPES.contains(&name.as_str())) {
        Some(index) => Err(format!(
            "PostgreSQL: parameter ${} is of type {}",
            index + 1,
            types[index]
        )),
        None => Ok(()),
    }
}

/// Prepares a statement on PostgreSQL with these types of its parameters, and returns those that PostgreSQL takes them for.
async fn parameters(postgres: &mut PgConnection, statement: &str, types: &[&str]) -> sqlx::Result<Vec<String>> {
    let types = types.join(", ");
    let types = if types.is_empty() { types } else { format!("({types})") };
    let prepare = AssertSqlSafe(format!("PREPARE prepared {types} AS {statement}"));
    sqlx::raw_sql(prepare).execute(&mut *postgres).await?;
    let types = "SELECT unnest(parameter_types)::TEXT FROM pg_prepared_statements WHERE name = 'prepared'";
    let types = sqlx::query_scalar(types).fetch_all(&mut *postgres).await?;
    sqlx::raw_sql("DEALLOCATE prepared").execute(postgres).await?;
    Ok(types)
}

/// The number of the parameter whose type PostgreSQL cannot tell.
fn undetermined(error: &sqlx::Error) -> Option<usize> {
    let message = error.as_database_error()?.message();
    message
        .strip_prefix("could not determine data type of parameter $")?
        .parse()
        .ok()
}

async fn databases() -> (SqlitePool, PgConnection) {
    let name = testing::create().await.unwrap();
    let postgres = testing::connect(&name).await.unwrap();
    (sqlite::in_memory().await.unwrap(), postgres)
}

#[tokio::test]
async fn both_engines_understand_every_statement() {
    let (sqlite, mut postgres) = databases().await;
    let files = source::files();
    let macros = source::macros(&files);
    let mut count = 0;
    let mut errors = Vec::new();
    for (name, source) in &files {
        for Statement { place, text } in source::statements(name, source, &macros) {
            count += 1;
            if let Err(error) = prepare(&sqlite, &mut postgres, &text).await {
                errors.push(format!("{place}: {error}\n{text}"));
            }
        }
    }
    assert!(errors.is_empty(), "{}", errors.join("\n\n"));
    assert!(count > 120, "only {count} statements were found");
}

#[tokio::test]
async fn a_statement_that_only_one_engine_understands_is_found() {
    let (sqlite, mut postgres) = databases().await;
    let source = r#"
        macro_rules! named { ($name:literal) => { concat!("user_id = ", $name, " OR demo") }; }
        fn one() { query("SELECT hex(token_hash) FROM sessions").bind('"'); } // query("no statement")
        fn two<'a>() { query_scalar::<Vec<i64>>(concat!("SELECT 1 FROM users WHERE ", named!("$1"))); }
        fn three() { for statement in ["UPDATE users SET demo = $1 WHERE user_id = $2::TEXT \
            AND active"] { query_as(statement); } }
        fn four() { QueryBuilder::new("SELECT 1 FROM users WHERE "); query(named!("$1")); }
        fn five() { query_scalar("SELECT 1 FROM users WHERE created_at = CAST($1 AS INTEGER)"); }
        #[cfg(test)]
        mod tests { fn six() { query("PRAGMA x"); } }
    "#;
    let files = [("sample.rs".to_owned(), source.to_owned())];
    let statements = source::statements("sample.rs", source, &source::macros(&files));
    let texts: Vec<_> = statements.iter().map(|statement| &*statement.text).collect();
    let expected = [
        "SELECT hex(token_hash) FROM sessions",
        "SELECT 1 FROM users WHERE user_id = $1 OR demo",
        "UPDATE users SET demo = $1 WHERE user_id = $2::TEXT AND active",
        "user_id = $1 OR demo",
        "SELECT 1 FROM users WHERE created_at = CAST($1 AS INTEGER)",
    ];
    assert_eq!(texts, expected);
    let mut outcomes = Vec::new();
    for text in texts {
        let outcome = prepare(&sqlite, &mut postgres, text).await;
        outcomes.push(outcome.map_err(|error| error.split(':').next().unwrap().to_owned()));
    }
    let (sqlite, postgres) = (Err("SQLite".to_owned()), Err("PostgreSQL".to_owned()));
    assert_eq!(outcomes, [postgres.clone(), Ok(()), sqlite.clone(), sqlite, postgres]);
}
