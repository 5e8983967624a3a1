-- One request, again and again: what it is comes from the environment.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
for name, value in string.gmatch(os.getenv("BENCH_HEADERS") or "", "([^:\n]+): ([^\n]+)") do
  wrk.headers[name] = value
end
local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
wrk.body = file:read("*a")
file:close()
-- Or many that differ in a number.
local variants = tonumber(os.getenv("BENCH_VARIANTS") or "0")
if variants > 0 then
  math.randomseed(os.time())
  local before, after = string.match(wrk.body, "^(.*)VARIANT(.*)$")
  function request()
    return wrk.format(nil, nil, nil, before .. string.format("%05d", math.random(0, variants - 1)) .. after)
  end
end
