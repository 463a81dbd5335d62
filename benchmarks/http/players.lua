-- For wrk: asks for one player after another, and tells what was measured as JSON.
local requests, count, last = {}, 0, 0

function init(args)
   for _, player in ipairs(args) do
      count = count + 1
      requests[count] = wrk.format("GET", "/get_client_config/" .. player)
   end
end

function request()
   last = last % count + 1
   return requests[last]
end

-- wrk gives times in microseconds.
function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "microseconds": %d, "p50": %f, "p99": %f, "p999": %f, "max": %f, "failed": %d}\n',
      summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
