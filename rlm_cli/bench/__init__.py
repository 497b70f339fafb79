"""`rlm bench`: models and strategies compared on tasks that are made on the user's machine, with known answers.

The kinds of task are those of the paper (arXiv:2512.24601, section 3) and of what it builds on: a needle (RULER,
arXiv:2404.06654), classified lines (OOLONG, arXiv:2511.02817), relations over their authors, chains of facts over many
documents, and questions about code. Texts and questions are our own and come from a seed, so nothing is downloaded and
no model can have been trained on them.

    task.py       what a task is: files, a question, what is right, and what can be said without a model
    kinds.py      the kinds of task, one line each
    methods.py    what is compared, one line each
    plan.py       which task meets which method and model
    trial.py      one of these, run and scored; a run like any other, with a journal that `rlm view` opens
    runner.py     all of them, in parallel, under one budget, resumable
    report.py     the tables

A new kind of task is a function (seed, tokens, number) → Task; a new method is a function of the type
`strategies.Strategy`. Each then gets a line in `KINDS` or `METHODS`, and `rlm bench` knows it by that name.
"""
