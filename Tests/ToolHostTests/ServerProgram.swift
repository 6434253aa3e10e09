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
        elif name == 'input': send({'id': id, 'result': {'resultType': 'input_required', 'inputRequests': {}}})
        elif name == 'task': send({'id': id, 'result': {'resultType': 'task', 'taskId': '1'}})
        elif name == 'legacy': send({'id': id, 'result': {'content': [], 'structuredContent': {'evidence': []}}})
        elif name == 'refuse': send({'id': id, 'error': {'code': -32602, 'message': 'no\\x1b such thing'}})
        elif name == 'babble':
            while True: sys.stdout.write('{"jsonrpc":"2.0","method":"notifications/message","params":{}}\\n')
        elif name == 'longline': sys.stdout.write('x' * (9 << 20)); sys.stdout.flush(); time.sleep(60)
        elif name == 'noise': print('loading model...'); sys.stdout.flush()
        elif name == 'bare': reply(id, content=[{'type': 'text', 'text': 'x'}])
        elif name == 'failing': reply(id, content=[{'type': 'text', 'text': 'it broke'}], isError=True)
        elif name == 'strays':
            for i in range(200): reply(100000 + i)
            time.sleep(60)
        elif name == 'answers_twice':
            say(id, 'one'); say(id, 'two')
    \(extra)
    for line in sys.stdin:
        m = json.loads(line)
        method, params = m['method'], m['params']
        if method == 'notifications/cancelled': cancelled.add(params['requestId']); continue
        assert params['_meta']['io.modelcontextprotocol/protocolVersion'] == '2026-07-28'
        assert 'io.modelcontextprotocol/clientCapabilities' in params['_meta']
        if method == 'server/discover':
            reply(m['id'], supportedVersions=['2025-11-25', '2026-07-28'] if 'old' not in tools else ['2025-11-25'], capabilities={'tools': {}}, ttlMs=0, cacheScope='private')
        elif method == 'tools/list':
            first = 'cursor' not in params
            page = tools[:1] if first else tools[1:]
            reply(m['id'], tools=[{'name': t, 'inputSchema': {'type': 'object'}} for t in page], ttlMs=0, cacheScope='private', **({'nextCursor': 'more'} if first and len(tools) > 1 else {}))
        elif method == 'tools/call':
            meta = params['_meta']
            threading.Thread(target=act, args=(m['id'], params['name'], params['arguments'], meta, meta['org.vpath/input']), daemon=True).start()
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
