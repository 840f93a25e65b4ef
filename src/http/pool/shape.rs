//! Pools as they are written and read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::rfc3339;
use crate::service::number::{Filled, Number};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPool)]
pub(super) struct PoolIn {
    pub(super) name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PoolChange)]
pub(super) struct ChangeIn {
    pub(super) name: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Pool)]
pub(super) struct PoolOut {
    id: String,
    name: String,
    numbers: Vec<MemberOut>,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PoolNumber)]
struct MemberOut {
    id: String,
    number: String,
}

pub(super) fn out(Filled { pool, numbers }: &Filled) -> PoolOut {
    let member = |number: &Number| MemberOut { id: number.id.to_string(), number: number.address.clone() };
    PoolOut {
        id: pool.id.to_string(),
        name: pool.name.clone(),
        numbers: numbers.iter().map(member).collect(),
        created_at: rfc3339(pool.created_ms),
    }
}
