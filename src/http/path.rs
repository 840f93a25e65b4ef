//! The paths of a resource: all of it, one item, and what can be done with that.

use warp::{Filter, Rejection};

/// `/<name>`.
pub(super) fn all(name: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::path(name).and(warp::path::end())
}

/// `/<name>/<id>`; a handler reads the id, once it knows who asks.
pub(super) fn one(name: &'static str) -> impl Filter<Extract = (String,), Error = Rejection> + Copy {
    warp::path(name).and(warp::path::param()).and(warp::path::end())
}

/// `/<name>/<id>/<part>`.
pub(super) fn part(
    name: &'static str,
    part: &'static str,
) -> impl Filter<Extract = (String,), Error = Rejection> + Copy {
    warp::path(name).and(warp::path::param()).and(warp::path(part)).and(warp::path::end())
}
