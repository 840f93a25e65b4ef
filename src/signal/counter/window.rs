//! What all nodes count together in spans of time: [`SlidingWindow`](crate::model::window::SlidingWindow) as scripts.
//! Redis keeps a hash of each count, from the number of a part of time to how many were in it, by its own clock.

use super::{SharedCounter, ask};
use crate::model::Millis;
use crate::model::window::WindowLimit;

const NAMES: &str = "switchboard:sends:";

/// Counts one in each, or in none where one is full. Two numbers: 0 and Redis's time, or which is full, from 1, and the
/// milliseconds until it is not.
const COUNT: &str = "\
local time = redis.call('TIME') \
local now = time[1] * 1000 + math.floor(time[2] / 1000) \
local function over(part, i) return (part + 1) * tonumber(ARGV[3 * i]) + tonumber(ARGV[3 * i - 1]) end \
for i, key in ipairs(KEYS) do \
  local most, sum, parts = tonumber(ARGV[3 * i - 2]), 0, {} \
  local all = redis.call('HGETALL', key) \
  for n = 1, #all, 2 do \
    local part, count = tonumber(all[n]), tonumber(all[n + 1]) \
    if over(part, i) <= now then redis.call('HDEL', key, all[n]) \
    else sum = sum + count; parts[#parts + 1] = {part, count} end \
  end \
  if sum >= most then \
    table.sort(parts, function(one, other) return one[1] < other[1] end) \
    for _, one in ipairs(parts) do \
      sum = sum - one[2] \
      if sum < most then return {i, over(one[1], i) - now} end \
    end \
    return {i, tonumber(ARGV[3 * i - 1])} \
  end \
end \
for i, key in ipairs(KEYS) do \
  redis.call('HINCRBY', key, string.format('%.0f', math.floor(now / tonumber(ARGV[3 * i]))), 1) \
  redis.call('PEXPIRE', key, tonumber(ARGV[3 * i - 1]) + tonumber(ARGV[3 * i])) \
end \
return {0, now}";

/// Takes one back from each that was counted at the last argument.
const UNCOUNT: &str = "\
local at = tonumber(ARGV[#ARGV]) \
for i, key in ipairs(KEYS) do \
  local part = string.format('%.0f', math.floor(at / tonumber(ARGV[3 * i]))) \
  local count = tonumber(redis.call('HGET', key, part) or '0') \
  if count > 1 then redis.call('HINCRBY', key, part, -1) \
  elseif count == 1 then redis.call('HDEL', key, part) end \
end \
return 0";

/// A count of a limit, by what it is named everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedWindow {
    pub key: [u8; 16],
    pub limit: WindowLimit,
}

/// Of several counts one has no more to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullWindow {
    pub nth: usize,
    /// How long until it has.
    pub wait_ms: Millis,
}

fn script(text: &str, windows: &[SharedWindow]) -> redis::Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(text).arg(windows.len());
    for window in windows {
        command.arg(format!("{NAMES}{}", hex::encode(window.key)));
    }
    for SharedWindow { limit, .. } in windows {
        command.arg(limit.most).arg(limit.within_ms).arg(limit.part_ms());
    }
    command
}

impl SharedCounter {
    /// Counts one in each, or in none where one is full; when that was, by the clock of all. `None`: each node counts
    /// for itself now.
    pub async fn count(&self, windows: &[SharedWindow]) -> Option<Result<Millis, FullWindow>> {
        let (nth, ms): (usize, Millis) = ask(self.0.as_deref()?, &script(COUNT, windows)).await?;
        Some(nth.checked_sub(1).map_or(Ok(ms), |nth| Err(FullWindow { nth, wait_ms: ms })))
    }

    /// Takes back what was counted then. Where Redis is away it stays counted.
    pub async fn uncount(&self, windows: &[SharedWindow], at_ms: Millis) {
        let Some(link) = self.0.as_deref() else { return };
        let mut command = script(UNCOUNT, windows);
        command.arg(at_ms);
        let _: Option<i64> = ask(link, &command).await;
    }

    /// Begins these counts anew. Where Redis is away they go on.
    pub async fn forget(&self, windows: &[SharedWindow]) {
        let Some(link) = self.0.as_deref().filter(|_| !windows.is_empty()) else { return };
        let mut command = redis::cmd("DEL");
        for window in windows {
            command.arg(format!("{NAMES}{}", hex::encode(window.key)));
        }
        let _: Option<i64> = ask(link, &command).await;
    }
}
