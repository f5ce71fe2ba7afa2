-- The page of a room's history as one does it in Lua: the session, the user's
-- membership, then the messages, which are stored as the JSON they are sent as.

local redis = require "nginx.redis"
local cjson = require "cjson.safe"

local function answer(status, body)
    ngx.status = status
    ngx.header.content_type = "application/json; charset=utf-8"
    ngx.header.content_length = #body
    ngx.print(body)
    return ngx.exit(status)
end

local function fail(status, text)
    return answer(status, '{"message":"' .. text .. '"}')
end

local db = redis:new()
db:set_timeout(1000)

if not db:connect("unix:" .. ngx.var.redis_socket) then
    return fail(503, "The chat is not available right now")
end

local token = ngx.var.cookie_chat_session
local json = token and db:get("bench:session:" .. token)
local user = type(json) == "string" and cjson.decode(json)

if not user then
    db:set_keepalive(60000, 64)
    return fail(403, "Log in first")
end

local room = ngx.var.room
local offset = tonumber(ngx.var.arg_offset) or 0
local size = tonumber(ngx.var.arg_size) or 15

db:init_pipeline()
db:sismember("user:" .. user.id .. ":rooms", room)
db:zrevrange("room:" .. room, offset, offset + size - 1)
local replies = db:commit_pipeline()
db:set_keepalive(60000, 64)

if not replies then
    return fail(503, "The chat is not available right now")
end

if replies[1] ~= 1 then
    return fail(403, "You are not in that room")
end

return answer(200, "[" .. table.concat(replies[2], ",") .. "]")
