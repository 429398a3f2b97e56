#!/usr/bin/env python3
"""chat_templates.py: what Jinja, set up as `transformers` does it, makes of chat templates.

  pip install transformers jinja2
  python chat_templates.py

writes Tests/TokenizersTests/Fixtures/chat-templates.json: templates in the manner of public models and small ones for
single constructs, variables, and the text (or the words of the template's own refusal).
"""

import datetime
import json
import os

import jinja2
from transformers.utils import chat_template_utils

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

CHAT = [
    {"role": "user", "content": "  Hi, who's there?\n"},
    {"role": "assistant", "content": "Me: \"<é>\" 가"},
    {"role": "user", "content": "Bye"},
]
SYSTEM = [{"role": "system", "content": "Be brief."}] + CHAT
TOOLS = [{"type": "function", "function": {
    "name": "weather", "description": "Tells <the> weather's \"kind\".",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}, "days": {"type": "integer", "default": 1}},
                   "required": ["place"]}}}]
CALLS = SYSTEM[:2] + [
    {"role": "assistant", "content": "", "tool_calls": [
        {"type": "function", "function": {"name": "weather", "arguments": {"place": "Oslo", "days": 2, "x": 1.5, "y": None}}}]},
    {"role": "tool", "content": "rain"}, {"role": "tool", "content": "snow"},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nRain."}, {"role": "user", "content": "Thanks"}]

SMOLLM2 = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
' }}{% endif %}{{'<|im_start|>' + message['role'] + '
' + message['content'] + '<|im_end|>' + '
'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}"""

LLAMA3 = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system message, if there is one. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

QWEN25 = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n<tool_call>\\n{\\"name\\": <function-name>}\\n</tool_call><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are Qwen.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

QWEN3 = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}
                    {{- '\\n' }}
                {%- endif %}
                {%- if tool_call.function %}
                    {%- set tool_call = tool_call.function %}
                {%- endif %}
                {{- '<tool_call>\\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{#- This block checks for alternating user/assistant messages, skipping tool calling messages #}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- else %}
                    {{- "]" }}
                {%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
            {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
"""

GEMMA = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
"""

PHI3 = """{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>
' + message['content'] + '<|end|>
'}}{% elif message['role'] == 'user' %}{{'<|user|>
' + message['content'] + '<|end|>
'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>
' + message['content'] + '<|end|>
'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>
' }}{% else %}{{ eos_token }}{% endif %}"""

GRANITE = """{%- macro show(value, depth=0, mark='-') %}
    {%- if value is mapping %}
        {%- for key, inner in value|dictsort %}
{{ '  ' * depth }}{{ mark }} {{ key }}:{{ show(inner, depth + 1, mark=mark) }}
        {%- endfor %}
    {%- elif value is sequence and value is not string %}
        {%- for inner in value %}{{ show(inner, depth + 1) }}{% endfor %}
    {%- else %} {{ value }}{% endif %}
{%- endmacro -%}
{%- set marks = dict(user='U', assistant='A') %}
{%- for message in messages if message.role in marks %}
{{ loop.index }}/{{ loop.length }} {{ marks.get(message.role, '?') }} {{ message.content | replace('\\n', ' ') | trim }}
{%- else %}
nothing
{%- endfor %}
{%- set text %}{{ show(tools[0]) }}{% endset %}
{{ text }}"""

MODELS = {"smollm2": SMOLLM2, "llama3": LLAMA3, "qwen2.5": QWEN25, "qwen3": QWEN3, "mistral": MISTRAL, "gemma": GEMMA,
          "phi3": PHI3, "macros": GRANITE}

SMALL = [
    "a\n{% if true %}\n  b\n  {% endif %}\nc\n", "x {%- if true %} y {%- endif -%}  z\n", "{%+ if true +%}\n q{% endif %}",
    "  {% set x = 3 %}\n{{ x }}\n\n", "{# note\n #}\n a {# b -#}   c", "{% raw %}{{ x }}{% endraw %}!", "\r\na\r\nb\r",
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 * 3 + 4 }} {{ 2 - 3 - 4 }} {{ 1 ~ (2 + 3) }} {{ 'a' ~ 1 * 2 }}",
    "{{ 1.0 }} {{ 1e3 if false else 0.1 + 0.2 }} {{ 3 | float }} {{ '12' | int + 1 }} {{ 2.5 | round }} {{ 2.567 | round(2) }}",
    "{{ true }} {{ none }} {{ [1, 'a', none, true, {'k': 'v'}] }} {{ \"it's\" | string }} {{ ['it\\'s', 'a\"b', '\\n'] }}",
    "{{ undefined_name }}|{{ undefined_name | default('d') }}|{{ '' | default('e', true) }}|{{ none | d('f') }}",
    "{{ 'abc'[0] }}{{ 'abc'[-1] }}{{ 'abcdef'[1:4] }}{{ 'abcdef'[::-1] }}{{ [1,2,3,4][:-1] }}{{ [1,2,3][5:] }}{{ 'abc'[::2] }}",
    "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a-b-c'.split('-', 1) }} {{ 'a-b-c'.rsplit('-', 1) }} {{ 'x\\ny\\n'.splitlines() }}",
    "{{ '  x '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'abc'.upper() }}{{ 'ABC' | lower }}{{ 'hello world' | title }}{{ 'hELLO' | capitalize }}",
    "{{ 'abcabc'.replace('b', 'X') }} {{ 'abc'.find('c') }} {{ 'abc'.find('z') }} {{ 'aXbX'.count('X') }} {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }}",
    "{{ [1, 2, 3] | join('-') }} {{ ['a', 'b'] | join }} {{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort(reverse=true) }} {{ [1, 2, 2] | unique | list }}",
    "{{ [1, 2, 3] | first }}{{ [1, 2, 3] | last }}{{ [1, 2, 3] | sum }}{{ [1, 5, 3] | max }}{{ [4, 2] | min }}{{ [1, 2] | reverse | list }}{{ 'ab' | length }}",
    "{{ messages | map(attribute='role') | list }} {{ messages | selectattr('role', 'eq', 'user') | map(attribute='content') | map('trim') | list }}",
    "{{ messages | rejectattr('role', 'in', ['user']) | list | length }} {{ [0, 1, 2] | select('odd') | list }} {{ [0, 1, ''] | select | list }}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }}{{ ', ' if not loop.last }}{% endfor %} {{ {'a': 1}.keys() | list }} {{ {'a': 1}['a'] }}",
    "{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.previtem }}{{ loop.cycle('a', 'b') }} {% endfor %}",
    "{% for x in [] %}x{% else %}none{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}",
    "{% set n = namespace(x=0, s='') %}{% for i in range(5) %}{% set n.x = n.x + i %}{% set n.s = n.s ~ i %}{% endfor %}{{ n.x }}{{ n.s }}",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 9 %}{% endif %}{{ x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% with c = a + b %}{{ c }}{% endwith %}{% set t %}in {{ a }}{% endset %}{{ t | upper }}",
    "{% macro m(a, b='x') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}",
    "{{ 1 if false }}|{{ 'y' if 1 < 2 < 3 else 'n' }}|{{ not true or true and false }}|{{ 1 in [1] and 2 not in [1] }}|{{ 'b' in 'abc' }}|{{ 'k' in {'k': 1} }}",
    "{{ x is defined }} {{ 1 is number }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is iterable }} {{ none is none }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 1 is not string }} {{ true is true }} {{ 2 is in [1, 2] }} {{ 1.5 is float }} {{ true is boolean }}",
    "{{ {'b': [1, 2.5, none, true], 'a': 'é\"<\\n'} | tojson }} {{ {'b': 1, 'a': [1, {}], 'c': []} | tojson(indent=2) }} {{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }} {{ [1, 2] | tojson(separators=(',', ':')) }}",
    "{{ 'a\\nb\\n\\nc' | indent }}|{{ 'a\\nb' | indent(2, true) }}|{{ 'x' * 3 }}|{{ [1] + [2] }}|{{ 'a' 'b' }}|{{ 'tab\\t\\u00e9\\x41' }}",
    "{{ strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %y %I %p') }}", "{% generation %}kept{% endgeneration %}{{ '%}' }}{{ \"}}\" }}",
    "{{ messages[0].content.strip()[:2] }} {{ messages[-1]['role'] }} {{ messages[9] is defined }} {{ messages[0].nothing is defined }} {{ messages[0].get('nothing', 'std') }}",
    "{% if messages[0].tool_calls is defined and messages[0].tool_calls is not none %}a{% elif not messages %}b{% else %}c{% endif %}",
    "{{ raise_exception('no ' ~ 'way') }}", "{{ messages[0].a.b }}", "{{ 'a' + 1 }}", "{{ nothing() }}", "{{ [] | first }}|",
    "{{ 1 == 1.0 }} {{ true == 1 }} {{ 'e\u0301' == 'é' }} {{ 'e\u0301' | length }} {{ [1, 'a'] == [1, 'a'] }} {{ {'a': 1} == {'a': 1} }} {{ 'a' < 'b' }}",
]


class Fixed(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 3, 7, 15, 4, 9)


def render(template, variables):
    # As in transformers.utils.chat_template_utils._compile_jinja_template.
    compiled = chat_template_utils._compile_jinja_template(template)
    try:
        return {"text": compiled.render(**variables)}
    except jinja2.exceptions.TemplateError as error:
        kind = "error" if isinstance(error, jinja2.exceptions.UndefinedError) else "refused"
        return {kind: str(error)}
    except TypeError as error:
        return {"error": str(error)}


def main():
    chat_template_utils.datetime = Fixed
    cases = []
    ends = {"bos_token": "<s>", "eos_token": "</s>"}
    for name, template in MODELS.items():
        for label, variables in [
                ("chat", {"messages": CHAT, "add_generation_prompt": True}),
                ("system", {"messages": SYSTEM, "add_generation_prompt": False}),
                ("tools", {"messages": SYSTEM, "tools": TOOLS, "add_generation_prompt": True, "enable_thinking": False}),
                ("calls", {"messages": CALLS, "tools": TOOLS, "add_generation_prompt": True}),
                ("wrong order", {"messages": CHAT[1:], "add_generation_prompt": True})]:
            if name == "macros" and "tools" not in variables:
                continue
            variables = dict(variables, **ends)
            cases.append(dict({"name": f"{name}, {label}", "template": template, "variables": variables},
                              **render(template, variables)))
    for number, template in enumerate(SMALL):
        variables = {"messages": SYSTEM}
        cases.append(dict({"name": f"small {number}", "template": template, "variables": variables},
                          **render(template, variables)))
    path = os.path.join(ROOT, "Tests/TokenizersTests/Fixtures/chat-templates.json")
    # Each template and each set of variables once.
    templates, sets = [], []
    for case in cases:
        for key, pool in [("template", templates), ("variables", sets)]:
            if case[key] not in pool:
                pool.append(case[key])
            case[key] = pool.index(case[key])
    with open(path, "w") as file:
        json.dump({"templates": templates, "variables": sets, "cases": cases}, file, ensure_ascii=True,
                  separators=(",", ":"))
        file.write("\n")


main()
