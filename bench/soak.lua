-- The calls of a long run: mostly small chats, no two alike; streams, batches, keys of clients, failures of every kind.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
math.randomseed(os.time())

local form = '{"model":"%s","messages":[{"role":"user","content":"%s"}],"temperature":0.7,"max_tokens":100,"user":"user-%d",'
  .. '"metadata":{"generation_name":"g-%d","trace_id":"t-%d","tags":["team-%d","job-%d"]}%s}'

local function body(model, more)
  local number = math.random(0, 99999)
  return string.format(form, model, string.rep("word ", math.random(1, 60)), number % 5000, number, math.random(0, 99999),
    number % 10000, number % 7, more or "")
end

function request()
  local dice = math.random(100)
  if dice <= 80 then return wrk.format(nil, nil, nil, body("small")) end
  if dice <= 88 then return wrk.format(nil, nil, nil, body("stream", ',"stream":true')) end
  if dice <= 91 then return wrk.format(nil, nil, nil, body("small,small,failing")) end
  if dice <= 93 then return wrk.format(nil, nil, nil, body("small", ',"api_key":"sk-client-' .. math.random(0, 9999) .. '"')) end
  if dice <= 95 then return wrk.format(nil, nil, nil, body("failing")) end
  if dice <= 97 then return wrk.format(nil, nil, nil, body("cut")) end
  if dice <= 98 then return wrk.format(nil, nil, nil, body("saved")) end
  if dice <= 99 then return wrk.format(nil, nil, nil, body("no-such-model")) end
  return wrk.format(nil, nil, nil, '{"model": "small", "messages": "no list"}')
end
