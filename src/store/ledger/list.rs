//! A client's entries, newest first. What few of them fit is looked for in windows, so that no page walks all there are.

use super::account::{COLUMNS, Filter, LedgerEntry, narrowed};
use crate::model::{ClientId, EntryId};
use crate::store::engine::{above, below};
use crate::store::{Result, Store};

/// Entries that one page looks at, in windows: mostly the first ones have enough.
const WINDOWS: [i64; 3] = [500, 4_500, 15_000];

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct LedgerPage {
    pub entries: Vec<LedgerEntry>,
    /// Where the next page goes on; it may be that nothing older fits.
    pub next: Option<EntryId>,
}

/// At most so many entries behind the entry `after`, fewer where it takes long to find them.
pub async fn list(
    store: &Store,
    client: ClientId,
    filter: &Filter,
    mut after: Option<EntryId>,
    limit: usize,
) -> Result<LedgerPage> {
    let mut page = LedgerPage::default();
    for size in WINDOWS {
        page.next = end(store, client, filter, after, size).await?;
        let most = limit + 1 - page.entries.len();
        page.entries.extend(find(store, client, filter, after, page.next, most).await?);
        if page.entries.len() > limit {
            page.entries.truncate(limit);
            page.next = page.entries.last().map(|last| last.id);
            break;
        }
        if page.next.is_none() {
            break;
        }
        after = page.next;
    }
    Ok(page)
}

/// The last id of a window of so many entries, whether they fit or not; `None`: there are no more.
/// An index answers this alone.
async fn end(
    store: &Store,
    client: ClientId,
    filter: &Filter,
    after: Option<EntryId>,
    size: i64,
) -> Result<Option<EntryId>> {
    let older = filter.ids(client).and("id < ?", vec![below(after)]);
    let (sql, params) = older.page("SELECT id FROM sb_ledger", "ORDER BY id DESC LIMIT 1 OFFSET ?", size - 1);
    store.first(sql, params).await
}

/// What fits, as far as the entry `end`.
async fn find(
    store: &Store,
    client: ClientId,
    filter: &Filter,
    after: Option<EntryId>,
    end: Option<EntryId>,
    limit: usize,
) -> Result<Vec<LedgerEntry>> {
    let those = narrowed(client, filter).and("id < ? AND id >= ?", vec![below(after), above(end)]);
    let (sql, params) = those.page(COLUMNS, "ORDER BY id DESC LIMIT ?", limit);
    store.all(sql, params).await
}
