from jinja2 import Template

PAGE = Template("Hello, {{ name }}")
