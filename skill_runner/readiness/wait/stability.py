"""The stability window: ready counts once nothing has restarted or flapped for some seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from skill_runner.readiness.wait.doubt import AFTER_A_CRASH, UNPROVEN

Pulse = frozenset[tuple[str, str, int, bool]]


@dataclass(slots=True)
class Steady:
    """Feed it every look; `left` says how long readiness still has to hold.

    A window of 0 asks for no holding at all, whatever the doubt; only `unproven` readiness (a
    status that may be of before an edit) has to be seen twice all the same, and a container that
    came back a moment ago has to run longer than before: `relapse` are the seconds left of that.
    """

    window: float
    _since: float | None = None
    _pulse: Pulse = field(default_factory=frozenset)
    _crashed: bool = False
    _restarts: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def certain(self) -> bool:
        """Tell whether nothing has crashed so far: then the window is a formality."""
        return not self._crashed

    def left(
        self,
        *,
        ready: bool,
        doubt: float,
        pulse: Pulse,
        now: float,
        unproven: bool = False,
        relapse: float = 0.0,
    ) -> float | None:
        """Seconds until ready may be said: 0 for now, None while something is not ready."""
        if self._note_restarts(pulse):
            self._crashed = True
            self._since = None
        if not ready:
            self._since = None
            return None
        if self._since is None or not self._same(pulse):
            self._since, self._pulse = now, pulse
        return max(0.0, self._since + self._needed(doubt, unproven) - now, relapse)

    def _needed(self, doubt: float, unproven: bool) -> float:
        fresh = UNPROVEN if unproven else 0.0
        if not self.window:
            return fresh
        return max(self.window, doubt, fresh, AFTER_A_CRASH if self._crashed else 0.0)

    def _same(self, pulse: Pulse) -> bool:
        """Tell whether no container of the last look has restarted or stopped being ready.

        A pod more or less (an autoscaler's) is no flap: the workload's own verdict counts it.
        """
        now = {(uid, name): (restarts, good) for uid, name, restarts, good in pulse}
        return all(
            now.get((uid, name), (restarts, good)) == (restarts, good)
            for uid, name, restarts, good in self._pulse
        )

    def _note_restarts(self, pulse: Pulse) -> bool:
        more = False
        for uid, name, restarts, _ in pulse:
            known = self._restarts.setdefault((uid, name), restarts)
            if restarts > known:
                self._restarts[uid, name] = restarts
                more = True
        return more
