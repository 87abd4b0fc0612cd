wrk.method = "POST"
wrk.body = '{"s":"hello"}'
wrk.headers["Content-Type"] = "application/json"
