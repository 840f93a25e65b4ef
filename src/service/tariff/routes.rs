//! Rules by which destinations go to accounts, all of them matched at once.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::Route;
use crate::model::Channel;

/// Bytes that one pattern may take when it is compiled.
const PATTERN_BYTES: usize = 64 * 1024;
/// Bytes that all may take together.
const SET_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that each thread may remember of matching them.
const DFA_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
#[error("is no pattern: {0}")]
pub struct BadRoutePattern(String);

fn anchored(pattern: &str) -> String {
    format!("^(?:{pattern})")
}

/// Compiles a pattern, anchored at its start. Its time is linear in what it reads, whatever it says. Addresses are
/// ASCII: the digits of all scripts in each `\d` would make a thousand patterns too large to be matched as one automaton.
pub fn compile(pattern: &str) -> Result<Regex, BadRoutePattern> {
    // what would close the group around it is no pattern by itself
    let checked = |text: &str| RegexBuilder::new(text).unicode(false).size_limit(PATTERN_BYTES).build();
    checked(pattern).and_then(|_| checked(&anchored(pattern))).map_err(|error| BadRoutePattern(error.to_string()))
}

/// Routes in the order in which they are asked, compiled when they are asked first: who sends for nobody
/// needs none of it.
#[derive(Default)]
pub(super) struct RouteTable {
    given: Vec<Route>,
    compiled: OnceLock<CompiledRoutes>,
}

struct CompiledRoutes {
    usable: Vec<Route>,
    matcher: RoutePatternSet,
}

enum RoutePatternSet {
    Together(RegexSet),
    /// Where they are too large to be one.
    Singly(Vec<Regex>),
}

impl RouteTable {
    pub(super) fn new(given: Vec<Route>) -> Self {
        Self { given, compiled: OnceLock::new() }
    }

    /// Whether these are the same.
    pub(super) fn are(&self, others: &[Route]) -> bool {
        self.given == others
    }

    pub(super) fn is_compiled(&self) -> bool {
        self.compiled.get().is_some()
    }

    /// Takes milliseconds where there are hundreds.
    pub(super) fn compile(&self) {
        self.compiled();
    }

    fn compiled(&self) -> &CompiledRoutes {
        self.compiled.get_or_init(|| CompiledRoutes::within(&self.given, SET_BYTES))
    }

    /// Those that can be used.
    pub(super) fn all(&self) -> &[Route] {
        &self.compiled().usable
    }

    /// The routes that a destination matches, lowest priority first.
    pub(super) fn matching(&self, channel: Channel, to: &str) -> impl Iterator<Item = &Route> {
        self.compiled().matching(channel, to)
    }
}

impl CompiledRoutes {
    /// Matched together where they take no more bytes than that.
    fn within(given: &[Route], set_bytes: usize) -> Self {
        let (mut usable, mut patterns) = (Vec::with_capacity(given.len()), Vec::with_capacity(given.len()));
        for route in given {
            match compile(&route.pattern) {
                Ok(pattern) => {
                    usable.push(route.clone());
                    patterns.push(pattern);
                }
                // it matches nothing: an older build may have taken it
                Err(error) => tracing::error!(route = %route.id, %error, "a route cannot be used"),
            }
        }
        let together = usable.iter().map(|route| anchored(&route.pattern));
        let set = RegexSetBuilder::new(together).unicode(false).size_limit(set_bytes).dfa_size_limit(DFA_BYTES).build();
        let matcher = set.map_or_else(
            |error| {
                tracing::warn!(%error, "the routes are too large to be matched together: each is asked by itself");
                RoutePatternSet::Singly(patterns)
            },
            RoutePatternSet::Together,
        );
        Self { usable, matcher }
    }

    fn matching(&self, channel: Channel, to: &str) -> impl Iterator<Item = &Route> {
        let indices: Vec<usize> = match &self.matcher {
            RoutePatternSet::Together(set) => set.matches(to.as_bytes()).into_iter().collect(),
            RoutePatternSet::Singly(patterns) => {
                let matching = patterns.iter().enumerate().filter(|(_, pattern)| pattern.is_match(to.as_bytes()));
                matching.map(|(index, _)| index).collect()
            }
        };
        indices
            .into_iter()
            .filter_map(|index| self.usable.get(index))
            .filter(move |route| route.channel.is_none_or(|it| it == channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, RouteId};

    fn routes(rules: &[(i64, &str, Option<Channel>)]) -> RouteTable {
        let account = AccountId::new(0);
        let rule = |(priority, pattern, channel): &(i64, &str, Option<Channel>)| Route {
            id: RouteId::new(*priority),
            priority: *priority,
            pattern: (*pattern).to_owned(),
            channel: *channel,
            account,
            name: String::new(),
            created_ms: 0,
        };
        RouteTable::new(rules.iter().map(rule).collect())
    }

    fn matched(routes: &RouteTable, channel: Channel, to: &str) -> Vec<i64> {
        routes.matching(channel, to).map(|route| route.priority).collect()
    }

    #[test]
    fn patterns_are_anchored_at_their_start_and_asked_in_order() {
        let routes = routes(&[(1, r"\+2376", None), (2, r"\+237|\+33", Some(Channel::Sms)), (9, ".*", None)]);
        assert_eq!(matched(&routes, Channel::Sms, "+237612345678"), [1, 2, 9]);
        assert_eq!(matched(&routes, Channel::Voice, "+237612345678"), [1, 9]);
        assert_eq!(matched(&routes, Channel::Sms, "+15005550006"), [9]);
        assert_eq!(matched(&routes, Channel::Sms, "+1237612345"), [9], "not in the middle");
        assert_eq!(matched(&RouteTable::default(), Channel::Sms, "+1"), [0_i64; 0]);
    }

    #[test]
    fn a_pattern_is_bounded() {
        for bad in ["(", "[", "*", "a)(b", "(?P<", r"\", &"(a{100}){100}".repeat(9)] {
            assert!(compile(bad).is_err(), "{bad}");
        }
        for good in ["", r"\+1", r"^\+(237|33)\d{8,9}$", "(a+)+b"] {
            assert!(compile(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn routes_that_are_too_large_together_are_asked_one_by_one() {
        let rules = [(1, r"\+1500", None), (2, r"\+33", None), (3, r"\+1\d{4}", None)];
        let compiled = CompiledRoutes::within(&routes(&rules).given, 100);
        assert!(matches!(compiled.matcher, RoutePatternSet::Singly(_)), "they fit after all");
        let matching = compiled.matching(Channel::Sms, "+150012345678");
        assert_eq!(matching.map(|route| route.priority).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn what_does_not_compile_matches_nothing_and_spoils_nothing() {
        assert_eq!(matched(&routes(&[(1, "(", None), (2, r"\+1", None)]), Channel::Sms, "+1500"), [2]);
    }
}
