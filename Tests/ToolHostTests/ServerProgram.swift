// A small MCP server in Python, for tests of the client's side: one program with a tool for each behaviour.

enum ServerProgram {
  /// Serves tools/call for any tool named in `tools`; what a tool does is in `act`.
  static func mcp(tools: [String], extra: String = "") -> String {
    """
    #!/usr/bin/python3
    import json, os, sys, threading, time, hashlib
    tools = \(tools)
    lock = threading.Lock()
    cancelled = set()
    calls = 0
    def send(value):
        with lock:
            sys.stdout.write(json.dumps(dict(value, jsonrpc='2.0')) + '\\n'); sys.stdout.flush()
    def reply(id, **members):
        send({'id': id, 'result': dict(members, resultType='complete')})
    def give(id, *evidence, **more):
        output = dict(more, evidence=list(evidence))
        reply(id, content=[{'type': 'text', 'text': json.dumps(output)}], structuredContent=output, isError=bool(more.get('isError')))
    def say(id, text):
        give(id, {'kind': 'description', 'text': str(text)})
    def act(id, name, arguments, meta, input):
        global calls
        calls += 1
        if name == 'count': say(id, '%d in %s' % (calls, os.uname().nodename))
        elif name == 'pid': say(id, json.dumps([calls, sorted(os.listdir('/scratch')), sorted(os.listdir('/slides')) if os.path.exists('/slides') else []]))
        elif name == 'slow':
            for i in range(100):
                send({'method': 'notifications/progress', 'params': {'progressToken': meta['progressToken'], 'progress': i + 1, 'total': 100, 'message': 'part\\x1b %d' % i}})
                time.sleep(0.01)
            say(id, 'done')
        elif name == 'polite':
            while id not in cancelled: time.sleep(0.01)
            say(id, 'stopped')
        elif name == 'deaf':
            while True: pass
        elif name == 'echo': say(id, json.dumps({'meta': meta, 'arguments': arguments}, sort_keys=True))
        elif name == 'die': os._exit(7)
        elif name == 'asks': send({'id': 'mine', 'method': 'sampling/createMessage', 'params': {}})
        elif name == 'elicits': send({'id': 'mine', 'method': 'elicitation/create', 'params': {}})
        elif name == 'roots': send({'id': 'mine', 'method': 'roots/list', 'params': {}})
        elif name == 'pings': send({'id': 'mine', 'method': 'ping', 'params': {}})
        elif name == 'capability': send({'id': id, 'error': {'code': -32021, 'message': 'no', 'data': {'requiredCapabilities': {'elicitation': {}}}}})
        elif name == 'page': send({'id': id, 'error': {'code': -32042, 'message': 'look here', 'data': {}}})
        elif name == 'input': send({'id': id, 'result': {'resultType': 'input_required', 'inputRequests': {'q': {'method': 'elicitation/create', 'params': {}}}}})
        elif name == 'stranger': send({'id': id, 'result': {'resultType': 'poem', 'content': []}})
        elif name == 'old_task': send({'id': id, 'result': {'task': {'taskId': '1', 'status': 'working'}}})
        elif name == 'grows':
            tools.append('newcomer'); send({'method': 'notifications/tools/list_changed', 'params': {}}); say(id, 'grown')
        elif name == 'sneaks': tools.append('newcomer'); say(id, 'grown')
        elif name == 'says_so': send({'method': 'notifications/tools/list_changed', 'params': {}}); say(id, 'the same')
        elif name == 'task': send({'id': id, 'result': {'resultType': 'task', 'taskId': '1'}})
        elif name == 'legacy': send({'id': id, 'result': {'content': [], 'structuredContent': {'evidence': []}}})
        elif name == 'refuse': send({'id': id, 'error': {'code': -32602, 'message': 'no\\x1b such thing'}})
        elif name == 'babble':
            while True: sys.stdout.write('{"jsonrpc":"2.0","method":"notifications/message","params":{}}\\n')
        elif name == 'longline': sys.stdout.write('x' * (9 << 20)); sys.stdout.flush(); time.sleep(60)
        elif name == 'noise': print('loading model...'); sys.stdout.flush()
        elif name == 'gives': reply(id, **arguments)
        elif name == 'failing': reply(id, content=[{'type': 'text', 'text': 'it broke'}], isError=True)
        elif name == 'strays':
            for i in range(200): reply(100000 + i)
            time.sleep(60)
        elif name == 'answers_twice':
            say(id, 'one'); say(id, 'two')
    if 'banner' in tools: print('model server 3.1 ready', flush=True)
    if 'unasked' in tools: send({'id': 'hello', 'result': {}})
    if 'asks_first' in tools: send({'id': 1, 'method': 'roots/list', 'params': {}})
    if 'mute' in tools: time.sleep(3600)
    \(extra)
    for line in sys.stdin:
        m = json.loads(line)
        method, params = m['method'], m['params']
        if method == 'notifications/cancelled': cancelled.add(params['requestId']); continue
        assert params['_meta']['io.modelcontextprotocol/protocolVersion'] == '2026-07-28'
        assert 'io.modelcontextprotocol/clientCapabilities' in params['_meta']
        if method == 'server/discover':
            reply(m['id'], supportedVersions=['2025-11-25', '2026-07-28'] if 'other' not in tools else ['2031-01-01'], capabilities={'tools': {}}, ttlMs=0, cacheScope='private')
        elif method == 'tools/list':
            first = 'cursor' not in params
            page = tools[:1] if first else tools[1:]
            reply(m['id'], tools=[{'name': t, 'inputSchema': {'type': 'object'}} for t in page], ttlMs=0, cacheScope='private', **({'nextCursor': 'more'} if first and len(tools) > 1 else {}))
        elif method == 'tools/call':
            meta = params['_meta']
            threading.Thread(target=act, args=(m['id'], params['name'], params['arguments'], meta, meta['org.vpath/input']), daemon=True).start()
    """
  }

  /// A server of the older era. `atProbe`: what it does with a first message that is not `initialize`, as Python.
  static func older(
    tools: [String], version: String = "2025-11-25", atProbe: String = "fail(m['id'], -32601, 'no such method')",
    gives: String = "{'content': [{'type': 'text', 'text': 'as ever'}]}"
  ) -> String {
    """
    #!/usr/bin/python3
    import json, os, sys, time
    begun = False
    def send(value):
        sys.stdout.write(json.dumps(dict(value, jsonrpc='2.0')) + '\\n'); sys.stdout.flush()
    def fail(id, code, message): send({'id': id, 'error': {'code': code, 'message': message}})
    pings = 0
    for line in sys.stdin:
        m = json.loads(line)
        method = m.get('method')
        if method == 'initialize':
            assert m['params']['protocolVersion'] == '2025-11-25' and '_meta' not in m['params']
            send({'id': m['id'], 'result': {'protocolVersion': '\(version)', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 's', 'version': '1'}}})
        elif method == 'notifications/initialized': begun = True
        elif method is None: pings += 1
        elif not begun: \(atProbe)
        elif method == 'tools/list':
            send({'id': m['id'], 'result': {'tools': [{'name': t, 'inputSchema': {'type': 'object'}} for t in \(tools)]}})
        elif method == 'tools/call':
            meta = m['params']['_meta']
            assert 'io.modelcontextprotocol/protocolVersion' not in meta and 'org.vpath/input' in meta
            if m['params']['name'] == 'ping':
                send({'id': 'p', 'method': 'ping'})
                assert json.loads(sys.stdin.readline()) == {'jsonrpc': '2.0', 'id': 'p', 'result': {}}
            if m['params']['name'] == 'sampling': send({'id': 's', 'method': 'sampling/createMessage', 'params': {}})
            else: send({'id': m['id'], 'result': \(gives)})
    """
  }

  /// The product's host-only tools as the host uses them, on slides that are P6 pictures.
  static let hostTools = """
    def host(id, name, arguments, meta, input):
        slide = input['slides'][0]
        data = open(slide['path'], 'rb').read()
        head = data.split(b'\\n', 3)
        w, h = map(int, head[1].split())
        if name == 'slide_properties':
            give(id, {'kind': 'slide', 'slide': arguments['slide'], 'properties': {'width': w, 'height': h, 'levelCount': 1,
              'vendor': 'ppm', 'scale': {'micronsPerPixel': 0.5, 'source': 'slide'}, 'decoder': 'test %d' % os.getpid()}})
        elif name == 'render_view':
            r = arguments['rect']
            if r['x'] + r['width'] > w: return give(id, isError=True, errorId='region.out_of_bounds', message='outside')
            rows = [head[3][((r['y'] + i) * w + r['x']) * 3:][:r['width'] * 3] for i in range(r['height'])]
            rgb = b''.join(rows)
            body = b'P6\\n%d %d\\n255\\n' % (r['width'], r['height']) + rgb
            if arguments.get('format') != 'ppm': body = b'\\x89PNG\\r\\n\\x1a\\n' + body
            name = 'view.' + arguments.get('format', 'png')
            open(input['scratch'] + '/' + name, 'wb').write(body)
            sha = hashlib.sha256(rgb).hexdigest()
            give(id, {'kind': 'view', 'slide': arguments['slide'], 'rect': r, 'micronsPerPixel': arguments['micronsPerPixel'],
              'width': r['width'], 'height': r['height'], 'pixelSha256': sha, 'image': name,
              'pixels': {'sha256': sha, 'level': 0, 'decoder': 'test', 'resampler': 'none'}})
    act = host
    """
}
