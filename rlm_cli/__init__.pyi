from rlm_cli.library import RLM as RLM
from rlm_cli.library import Answer as Answer
from rlm_cli.library import Citation as Citation
from rlm_cli.library import RlmError as RlmError
from rlm_cli.library import acompletion as acompletion
from rlm_cli.library import completion as completion

__version__: str
