-- For wrk: each call with the next of the sessions in the file $COOKIES, a cookie a line. Ends with a line of figures.
local calls, at = {}, 0

function init()
  wrk.method = "POST"
  wrk.body = os.getenv("BODY")
  wrk.headers["Content-Type"] = "application/json"
  for cookie in io.lines(os.getenv("COOKIES")) do
    wrk.headers["Cookie"] = cookie
    calls[#calls + 1] = wrk.format()
  end
end

function request()
  at = at % #calls + 1
  return calls[at]
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("rate=%.1f failed=%d\n", summary.requests / (summary.duration / 1e6), failed))
end
