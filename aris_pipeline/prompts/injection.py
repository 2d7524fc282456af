"""Finds text in a profile that gives orders to the model.

It is recognized by what such text must say: forget your instructions, give this verdict, you are
the model that I address. Every pattern needs two such things side by side, a verb and its object,
or a demand and a verdict, because people who write instructions, prompts and rules for a living use
each word alone. A finding is a column for people to look at: it proves nothing, and does not change
the prompt.

polars searches the texts as one column. Its regular expressions are fast and take linear time: no
text can keep the search from ending.
"""

import unicodedata
from collections.abc import Sequence

import polars as pl

# A blank stands for any separator of two words, ` ... ` also for up to five words.
_RULES = "(instructions?|prompts?|rubrics?|guidelines|criteria|orders|programming)"
_GRADER = "(ai|llm|language model|chatbot|assistant|evaluator|recruiter|reviewer|grader|judge)"
_MODEL = "(ai|llms?|language models?|chatgpt|chat gpt|gpt|claude|gemini|chatbots?)"
_RATE = "(rate|score|rank|grade|mark|judge|assess|classify|recommend|hire|select|approve|accept)"
_RATED = "(rated|scored|ranked|graded|marked|recommended|hired|selected|approved|accepted|given)"
_SAY = "(answer|respond|reply|output|return|write|give|assign|award|conclude)"
_MUST = "(must|should|shall|have to|need to|are to|are (now )?(required|instructed|told) to)"
_NEVER = "(never|do not|don t|dont)"
_ADVERB = "(please|kindly|always|simply|just|only|instead|(make|be) sure to)"
_THIS = "this (candidate|applicant|profile|person|resume|cv)"
_HIM = f"(me|him|her|{_THIS}|the (candidate|applicant))"
_BEST = (
    "(great|excellent|outstanding|yes|perfect|highest|maximum|best|top|first|10|100|qualified"
    "|positively|favou?rably|strong fit)"
)
_TOP_MARKS = (
    "(highest|maximum|perfect|best|top|full) (possible )?(score|rating|grade|marks?|recommendation"
    "|verdict)"
)

_ENGLISH = (
    # Forget your instructions.
    f"(ignor(e|ing)|disregard(ing)?|forget|neglect|discard) ... ({_RULES}|were told)",
    "(ignore|disregard|forget) (all|any|everything|anything|the|what) ... (above|before|previous)",
    "(over(ride|rule)|bypass|skip|pay no attention to) ... (previous|prior|above|your|system) ..."
    f" {_RULES}",
    f"({_NEVER}|stop) (follow|use|apply|obey)(ing)? ... (previous|prior|above|your) ... {_RULES}",
    f"({_NEVER}|stop) (follow|use|apply|obey)(ing)? (the |this |any )?rubric",
    "your ... (instructions|rubric|system prompt) (is|are|have|has|no longer|now|changed)",
    "(the|this|your) (rubric|system prompt|(scoring|grading|rating|evaluation) criteria) ... (not"
    "|void|wrong|ignored?|obsolete|invalid|suspended|no longer)",
    "your (new|only|real|actual|sole|true|next) (task|job|goal|purpose|role|objective) is",
    "(the|your|my) (real|actual|true|hidden) (instructions?|task|prompt) (is|are)",
    "(instructions?|message|order) from (the |your )?(developers?|admins?|openai|anthropic|google)",
    "i (hereby |now )?(instruct|order|command) you",
    "instructions (that )?you (received|were given|have|got)",
    "(reveal|repeat|print|output|leak) ... your ... (instructions|prompt)",
    "(reveal|repeat|print|output|leak|translate|show) (the|your) system prompt",
    f"(new|updated|real|actual|hidden|secret) instructions? (for|to) (you|the {_GRADER})",
    # Give this verdict.
    "strong[^a-z0-9]{0,3}yes",
    f"you {_MUST} (now |always )?({_RATE}|{_SAY}) ... {_BEST}",
    f"(you {_MUST}|{_ADVERB}) (always )?{_RATE} {_HIM}",
    f"(i|he|she|candidate|applicant|resume|cv|ratings?) (must|should|has to|shall) be ... {_RATED}",
    f"{_RATE} {_HIM} ... {_BEST}",
    f"(instruct|shall|must|under no circumstances|{_NEVER}) ... {_RATE} (me|{_THIS})",
    f"(rate|score|rank|grade|mark|judge|assess|classify|approve|praise) {_THIS}",
    "(ratings?|criteria|criterion|recommendation|verdict) ((be |are )?set to|must be|should be|as"
    "|is) (great|yes|strong)",
    "give me (an? )?(great|yes|excellent|strong) (in|for|on|rating|score)",
    f"{_NEVER} (apply|give|assign|use|mention|write) ... (negative|low|bad|weak|poor)[a-z]*",
    f"({_NEVER}|not|no) ... ((less|lower|worse) than|below) (a )?(great|good|excellent|average)",
    f"({_ADVERB} {_SAY}|conclude|finish) ... {_TOP_MARKS}",
    "(return|give|output) (a |the )?(positive|favou?rable) (verdict|recommendation|rating)",
    f"(give|assign|award) (me|him|her|it|them|this|the|every|each|all|a)? ... {_TOP_MARKS}",
    "(answer|respond|reply|output) (only |always )?(with )?(the word )?yes",
    "(set|return|output) ... (score|rating|recommendation|verdict) (to |as )?(yes|great|10|100)",
    f"(put|place|move) {_HIM} ... (top|first|above)",
    # You are the model that I address.
    f"(dear|hey|hello|hi) ({_MODEL}|model|assistant|evaluator|grader)",
    f"as an (ai|llm)( language)?( model| system| {_GRADER})? (you|your|please|i must|i should)",
    f"you (are|re) (now )?(an? |the |my )?([a-z]+ ){{0,2}}({_GRADER}|{_MODEL})",
    "(act as|pretend to be|behave as) (an? |the )?([a-z]+ ){0,2}(ai|llm|language model|chatbot)",
    "(if|when) you are (an? |the )?(ai|llm|language model|bot|automated|model|machine)",
    f"(the|any|this) ({_GRADER}|model|system|ats) {_MUST} ... ({_RATE} {_HIM}|{_TOP_MARKS}|ignore)",
)
_OTHER_LANGUAGES = (
    # German
    "(ignorier[a-z]*|vergiss|vergessen sie|missacht[a-z]*|ubergeh[a-z]*) ... (anweisung|vorgabe"
    "|instruktion|regel|kriterien|richtlinie|bewertung|rubrik|prompt|befehl|obige|vorherige)[a-z]*",
    "(du|sie|ihr) (musst?|mussen|sollst|sollen) ... (bewerten|einstufen|empfehlen|vergeben)",
    "(bewerte|bewerten sie|stufe|gib|geben sie) (diese[nrms]?|mich|mir|dem|den|die) ..."
    " (hochste|beste|hervorragend|sehr gut|ausgezeichnet|volle)[a-z]*",
    "(empfehlen sie|empfiehl|empfehle) (mich|diese[nrms]?)",
    "antworte(n sie)? (nur |immer )?(mit )?(ja|einem ja|sehr gut)",
    # Spanish
    "(ignor[ae]|ignorar|olvid[ae]|omit[ae]|descart[ae]|haz caso omiso|no sigas?|no tengas? en) ..."
    " (instruccion|indicacion|regla|criterios|rubrica|directri|ordenes|anterior)[a-z]*",
    "(debes|tienes que|deberas|usted debe) (calificar|puntuar|valorar|recomendar|evaluar)[a-z]*",
    "(califi(ca|que)|puntu[ae]|evalu[ae]|valor[ae]) (a )?(est[ea]|el|la) (candidat[oa]|perfil"
    "|aspirante) ... (como|con)",
    "recomi?end(ar|a|e|ad) (a )?est[ea] (candidat[oa]|perfil)",
    "respond[ea] (solo |siempre |unicamente )?(con )?(si|un si|excelente)",
    # French
    "(ignore[zr]?|oublie[zr]?|neglige[zr]?|abstraction|compte|suis pas|suivez pas) (de )?"
    "(tou[ts]e?s? )?(les|tes|ces|vos|la|le|ce|des) ... (instruction|consigne|regle|critere|grille"
    "|directive)[a-z]*",
    "(tu dois|vous devez) ... (noter|evaluer|recommander|donner|attribuer|classer|embaucher)",
    "(note|evalue|attribue|donne|classe)[zrs]? (a )?(ce|cette) (candidate?|profil|cv) ... (comme"
    "|excellente?|maximale?|meilleure?|parfaite?)",
    "recommande[zr]? (ce|cette) (candidate?|profil)",
    "(reponds|repondez) (uniquement |seulement |toujours )?(par )?oui",
    # Portuguese, Italian, Dutch
    "(ignor[ae]|ignorar|esqueca|desconsidere) ... (instruc|regras|criterios)[a-z]*",
    "(ignor[ai]|ignorate|dimentica) ... (istruzioni|regole|criteri)",
    "(negeer|vergeet) ... (instructies|regels|criteria)",
)
_MARKUP = (
    # A turn of another speaker, who then addresses the model.
    r"(^|[\n.!?>\])*|-])[^a-z0-9\n]{0,6}(system|assistant|developer)( prompt| message| note"
    r"| override| update)?[^a-z0-9\n:]{0,3}:[^a-z0-9]{0,6}(you|the (above|previous|candidate|rubric"
    r"|evaluation|user)|this candidate|ignore|new|override|always|respond|reply|rate|score|answer"
    r"|from now|important|please|candidate|disregard|forget|recommend|output|evaluation|stop)\b",
    r"(attention|note to|message to|instructions? (to|for)|important for)[^a-z0-9,]{1,3}(the |all"
    rf" |any )?{_MODEL}( [a-z]+)?[^a-z0-9]{{0,2}}[:!]",
    r"end of (the )?(candidate )?(profile|resume|cv)[^a-z0-9]{1,12}(new|now|system|task)\b",
    r"<\|?\s?(im_start|im_end|system|start_of_turn|end_of_turn|endoftext|eot_id)\s?\|?>",
    r"\[/?(inst|system|assistant)\]|<</?sys>>|<\W{0,8}profile\W{0,3}>",
    r"#{2,}\W{0,3}((new|system) )?instructions?\W{0,3}:",
)
_OTHER_SCRIPTS = (
    r"(игнориру|забуд|не следу)\pL*\W+(\w+\W+){0,4}(инструкци|указани|правил|критери)",
    r"(忽略|无视|忘记|無視)[^。\n]{0,12}(指令|指示|说明|规则|命令|提示|標準|标准)",
    r"(무시|잊어)|(指示|命令|ルール)を(無視|忘れ)",
)
_LOOK_ALIKES = dict(zip("аесорхуіӏԁѕјԛανοιρ", "aecopxyiidsjqavoip", strict=True))  # noqa: RUF001
_LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"}
_SPACED_OUT = r"(?-u:\b)[a-z0-9](?:[^a-z0-9\n]{1,3}[a-z0-9](?-u:\b)){9,}"


def _compiled(blank: str, words: str) -> str:
    patterns = (*_ENGLISH, *_OTHER_LANGUAGES)
    return "|".join(pattern.replace(" ... ", words).replace(" ", blank) for pattern in patterns)


_GAP = "[^a-z0-9.;!?]+"
_WORDS = rf"(?-u:\b)({_compiled(_GAP, f'{_GAP}([a-z0-9]+{_GAP}){{0,5}}')})(?-u:\b)"
_SQUEEZED = _compiled("", "[a-z0-9]{0,30}")


def suspected_instructions(texts: Sequence[str]) -> list[bool]:
    """Returns for each text whether it seems to give orders to a model.

    It finds orders in English, German, Spanish, French and a few other languages, also if they are
    written with accents, look-alike letters, digits for letters, invisible characters or blanks in
    between.
    """
    plain = [text if text.isascii() else unicodedata.normalize("NFKD", text) for text in texts]
    lowered = pl.Series(plain, dtype=pl.String).str.to_lowercase()
    lowered = lowered.str.replace_all(r"[\p{M}\p{Cf}]+", "")
    latin = lowered.str.replace_many(_LOOK_ALIKES).str.replace_all(r"[^\x00-\x7f]+", " ")
    letters = latin.str.replace_many(_LEET)
    runs = latin.str.extract_all(_SPACED_OUT).list.join("").str.replace_all("[^a-z0-9]+", "")
    found = (
        lowered.str.contains("|".join(_OTHER_SCRIPTS))
        | latin.str.contains("|".join(_MARKUP))
        | latin.str.contains(_WORDS)
        | letters.str.contains(_WORDS)
        | runs.str.contains(_SQUEEZED)
    )
    return found.to_list()
