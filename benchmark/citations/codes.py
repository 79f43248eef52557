"""The French codes: their titles, their LEGITEXT ids where known, and their usual short forms.

One line a code: `title | id | short forms`. A short form in capitals ("CSS") is one word that
counts only in capitals; one that begins with "C." ("C. trav.") is also known as "Code trav.".
A title is known with and without its capital letters, accents and full stops. "Code rural" is
today's Code rural et de la pêche maritime, as in the codes themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from benchmark.citations.tokens import folded

RURAL = "Code rural et de la pêche maritime"
CGI = "Code général des impôts"

_TABLE = """
Code civil | LEGITEXT000006070721 | C. civ.
Code de commerce | LEGITEXT000005634379 | C. com.
Code de déontologie des architectes | LEGITEXT000006074232 |
Code de justice administrative | LEGITEXT000006070933 | CJA, C. just. adm.
Code de justice militaire (nouveau) | LEGITEXT000006071360 | CJM, Code de justice militaire
Code de l'action sociale et des familles | LEGITEXT000006074069 | CASF, C. act. soc. fam.
Code de l'artisanat | LEGITEXT000006075116 | C. artisanat
Code de l'aviation civile | LEGITEXT000006074234 | C. aviation
Code de l'éducation | LEGITEXT000006071191 | C. éduc.
Code de l'énergie | LEGITEXT000023983208 | C. énergie, C. énerg.
Code de l'entrée et du séjour des étrangers et du droit d'asile | LEGITEXT000006070158 | CESEDA
Code de l'environnement | LEGITEXT000006074220 | C. env., C. envir., C. environnement
Code de l'expropriation pour cause d'utilité publique | LEGITEXT000006074224 | \
Code de l'expropriation, C. expr., C. exprop.
Code de l'industrie cinématographique | |
Code de l'organisation judiciaire | LEGITEXT000006071164 | COJ, C. org. jud.
Code de l'urbanisme | LEGITEXT000006074075 | C. urb., C. urbanisme
Code de la commande publique | LEGITEXT000037701019 | CCP, C. com. publ., C. cde publ.
Code de la consommation | LEGITEXT000006069565 | C. consom., C. conso., C. consommation
Code de la construction et de l'habitation | LEGITEXT000006074096 | CCH, C. constr. hab.
Code de la défense | LEGITEXT000006071307 | C. déf., C. défense
Code de la famille et de l'aide sociale | | CFAS
Code de la justice pénale des mineurs | LEGITEXT000039086952 | CJPM
Code de la Légion d'honneur, de la Médaille militaire et de l'ordre national du Mérite | | \
Code de la Légion d'honneur et de la médaille militaire, Code de la Légion d'honneur
Code de la mutualité | LEGITEXT000006074067 | C. mut., C. mutualité
Code de la nationalité française | | Code de la nationalité
Code de la propriété intellectuelle | LEGITEXT000006069414 | CPI, C. propr. intell.
Code de la recherche | LEGITEXT000006071190 | C. rech., C. recherche
Code de la route | LEGITEXT000006074228 | C. route
Code de la santé publique | LEGITEXT000006072665 | CSP, C. santé publ.
Code de la sécurité intérieure | LEGITEXT000025503132 | CSI, C. séc. int., C. sécur. int.
Code de la sécurité sociale | LEGITEXT000006073189 | CSS, C. séc. soc., C. sécu. soc., C. ss
Code de la voirie routière | LEGITEXT000006070667 | CVR, C. voirie rout.
Code de procédure civile | LEGITEXT000006070716 | CPC, NCPC, C. pr. civ., C. proc. civ., \
Nouveau code de procédure civile
Code de procédure pénale | LEGITEXT000006071154 | CPP, C. pr. pén., C. proc. pén.
Code des assurances | LEGITEXT000006073984 | C. assur., C. ass., C. assurances
Code des caisses d'épargne | |
Code des communes | LEGITEXT000006070162 | C. communes
Code des communes de la Nouvelle-Calédonie | |
Code des débits de boissons et des mesures contre l'alcoolisme | | Code des débits de boissons
Code des douanes | LEGITEXT000006071570 | C. douanes, C. douan.
Code des douanes de Mayotte | |
Code des impositions sur les biens et services | LEGITEXT000044595989 | CIBS
Code des instruments monétaires et des médailles | |
Code des juridictions financières | LEGITEXT000006070249 | CJF, C. jur. fin.
Code des marchés publics | LEGITEXT000005627819 | CMP, C. marchés publ.
Code des pensions civiles et militaires de retraite | LEGITEXT000006070302 | CPCMR
Code des pensions de retraite des marins français du commerce, de pêche ou de plaisance | | \
Code des pensions de retraite des marins
Code des pensions militaires d'invalidité et des victimes de guerre | LEGITEXT000006074068 | \
CPMIVG, Code des pensions militaires d'invalidité et des victimes de la guerre
Code des ports maritimes | LEGITEXT000006074233 | C. ports mar.
Code des postes et des communications électroniques | LEGITEXT000006070987 | \
C. postes et communications électroniques, C. postes, Code des postes et télécommunications
Code des procédures civiles d'exécution | LEGITEXT000025024948 | C. pr. civ. exéc., \
C. proc. civ. exéc., C. exéc., Code de procédures civiles d'exécution
Code des transports | LEGITEXT000023086525 | C. transp., C. transports
Code des tribunaux administratifs et des cours administratives d'appel | |
Code disciplinaire et pénal de la marine marchande | |
Code du blé | |
Code du cinéma et de l'image animée | LEGITEXT000020908868 | C. cinéma
Code du domaine de l'État | LEGITEXT000006070208 | C. dom. État
Code du domaine public fluvial et de la navigation intérieure | LEGITEXT000006074237 | \
Code du domaine public fluvial
Code du patrimoine | LEGITEXT000006074236 | C. patr., C. patrimoine
Code du service national | LEGITEXT000006071335 | C. serv. nat.
Code du sport | LEGITEXT000006071318 | C. sport
Code du tourisme | LEGITEXT000006074073 | C. tourisme, C. tour.
Code du travail | LEGITEXT000006072050 | C. trav., C. tr., C. travail, CT
Code du travail applicable à Mayotte | |
Code du travail maritime | LEGITEXT000006072051 | C. trav. mar.
Code du vin | |
Code électoral | LEGITEXT000006070239 | C. élect., C. élec., C. électoral
Code forestier (nouveau) | LEGITEXT000025244092 | Code forestier, Nouveau code forestier, C. for.
Code forestier (ancien) | LEGITEXT000006071514 | Ancien code forestier
Code général de la fonction publique | LEGITEXT000044416551 | CGFP
Code général de la propriété des personnes publiques | LEGITEXT000006070299 | CGPPP, C. gén. pr. \
pers. publ.
Code général des collectivités territoriales | LEGITEXT000006070633 | CGCT
Code général des impôts | LEGITEXT000006069577 | CGI
Code général des impôts, annexe I | LEGITEXT000006069568 |
Code général des impôts, annexe II | LEGITEXT000006069569 |
Code général des impôts, annexe III | LEGITEXT000006069574 |
Code général des impôts, annexe IV | LEGITEXT000006069576 |
Code minier (nouveau) | LEGITEXT000023501962 | Code minier, Nouveau code minier, C. minier
Code minier (ancien) | LEGITEXT000006071785 | Ancien code minier
Code monétaire et financier | LEGITEXT000006072026 | CMF, COMOFI, CoMoFi, C. mon. fin., \
C. monét. fin.
Code pénal | LEGITEXT000006070719 | C. pén.
Code pénitentiaire | LEGITEXT000045476241 | C. pénit.
Code des relations entre le public et l'administration | LEGITEXT000031366350 | CRPA, C. rel. \
publ. adm., C. rel. pub. adm.
Code rural et de la pêche maritime | LEGITEXT000006071367 | CRPM, C. rur., C. rural, Code rural, \
C. rur. pêche mar., Code rural (nouveau), Nouveau code rural
Code rural (ancien) | LEGITEXT000006071366 | Ancien code rural
Livre des procédures fiscales | LEGITEXT000006069583 | LPF
"""


@dataclass(frozen=True, slots=True)
class KnownCode:
    """One line of the table."""

    title: str
    id: str
    """LEGITEXT id; "" where this table has none."""
    names: tuple[str, ...]
    """Title and short forms."""


@cache
def known_codes() -> tuple[KnownCode, ...]:
    """Return the table's lines."""
    found = []
    for line in _TABLE.strip().splitlines():
        title, code_id, short = (part.strip() for part in line.split("|"))
        # A comma inside of a title is followed by "de", a list's by a name.
        names = [name.strip() for name in short.split(",")] if short else []
        found.append(KnownCode(title, code_id, (title, *names)))
    return tuple(found)


@cache
def _titles() -> dict[str, str]:
    found: dict[str, str] = {}
    for code in known_codes():
        for name in (*code.names, code.id):
            if name:
                found.setdefault(plain(name), code.title)
    return found


def plain(name: str) -> str:
    """Return a title in the form in which titles are compared: small letters, no accents."""
    words = folded(name).replace("'", " ").replace(".", " ").replace(",", " ").split()
    return " ".join(words)


def title_of(name: str) -> str:
    """Return the table's title of a code (title, short form or id); the name itself if unknown."""
    return _titles().get(plain(name), " ".join(name.split()))


def same_code(one: str, other: str) -> bool:
    """Tell whether two names stand for one code."""
    return bool(one and other) and plain(title_of(one)) == plain(title_of(other))
