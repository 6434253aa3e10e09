import subprocess,sys,time,json,urllib.request,os
S=os.environ['VPATH_LLAMA_SERVER'];M=os.environ['VPATH_MODEL']
for r in range(2):
  for b in (128,64,32):
    p=subprocess.Popen([S,'-m',M,'--host','127.0.0.1','--port','18099','-c','4096','-t','1','-b',str(b),'-ub',str(b),'-np','1','--no-ui','--offline'],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)
    while True:
        try:
            urllib.request.urlopen('http://127.0.0.1:18099/health',timeout=2); break
        except Exception: time.sleep(.1)
    body=json.dumps({"messages":[{"role":"user","content":"nuclei and tissue "*500}],"max_tokens":4,"temperature":0}).encode()
    d=json.load(urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:18099/v1/chat/completions',body,{'Content-Type':'application/json'}),timeout=120))
    t=d['timings']; print(b,t['prompt_n'],round(t['prompt_per_second'],1),round(b/t['prompt_per_second'],2),flush=True)
    p.kill();p.wait()
