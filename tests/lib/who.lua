-- SPDX-License-Identifier: GPL-2.0-or-later
-- For wrk: every request over a connection of its own; at the end one line for each server that
-- answered: "who NAME REQUESTS".
local threads = {}
answers = {}

wrk.headers["Connection"] = "close"

function setup(thread)
	table.insert(threads, thread)
end

function response(status, headers, body)
	local name = status == 200 and body:match("%S+") or "failed"
	answers[name] = (answers[name] or 0) + 1
end

function done()
	local total = {}
	for _, thread in ipairs(threads) do
		for name, count in pairs(thread:get("answers")) do
			total[name] = (total[name] or 0) + count
		end
	end
	for name, count in pairs(total) do
		print("who " .. name .. " " .. count)
	end
end
