//! Lists that are read a page at a time.

use crate::contract::RangedInt;

/// How long a page is where nobody says it.
const USUAL: u32 = 50;

/// How many rows a page has at the most, as a caller asks for it.
pub fn most(asked: Option<RangedInt<1, 200>>) -> u32 {
    asked.map_or(USUAL, |most| u32::try_from(most.get()).unwrap_or(u32::MAX))
}

/// What is shown of rows of which there is one more than `most` if there is another page, and the key of the last one shown,
/// which that page begins after.
pub fn page<T, K>(mut rows: Vec<T>, most: u32, key: impl FnOnce(&T) -> K) -> (Vec<T>, Option<K>) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let has_more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| has_more).map(key);
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_on_only_where_there_is_more() {
        assert_eq!(page(vec![1, 2, 3], 2, |row| *row), (vec![1, 2], Some(2)));
        assert_eq!(page(vec![1, 2], 2, |row| *row), (vec![1, 2], None));
        assert_eq!(page(Vec::<i32>::new(), 2, |row| *row), (vec![], None));
    }

    #[test]
    fn a_page_is_as_long_as_it_was_asked_for_or_as_usual() {
        assert_eq!(most(RangedInt::new(200).ok()), 200);
        assert_eq!(most(None), USUAL);
    }
}
