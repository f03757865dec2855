//! Pagination of lists.

use crate::contract::RangedInt;

const DEFAULT_LIMIT: u32 = 50;

/// The maximum number of rows of a page: the requested number or the default.
pub fn limit(requested: Option<RangedInt<1, 200>>) -> u32 {
    requested.map_or(DEFAULT_LIMIT, |limit| u32::try_from(limit.get()).unwrap_or(u32::MAX))
}

/// Cuts `rows` to one page. A row beyond `limit` means that there is another page. Then also returns the key of the
/// last row of this page, after which the next one begins.
pub fn page<T, K>(mut rows: Vec<T>, limit: u32, key: impl FnOnce(&T) -> K) -> (Vec<T>, Option<K>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(key);
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_key_only_if_there_are_more_rows() {
        assert_eq!(page(vec![1, 2, 3], 2, |row| *row), (vec![1, 2], Some(2)));
        assert_eq!(page(vec![1, 2], 2, |row| *row), (vec![1, 2], None));
        assert_eq!(page(Vec::<i32>::new(), 2, |row| *row), (vec![], None));
    }

    #[test]
    fn a_page_has_the_requested_or_the_default_limit() {
        assert_eq!(limit(RangedInt::new(200).ok()), 200);
        assert_eq!(limit(None), DEFAULT_LIMIT);
    }
}
