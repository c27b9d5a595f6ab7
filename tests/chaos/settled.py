# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is all as it is wanted, by the cluster's own view and by what the agents have left?"""

import collections

from chaos.world import CLONES, CONNECTIONS, HOME, HOSTS, NAMES

PROMOTED = ("Promoted", "Master")
ACTIVE = ("Started", "Unpromoted", "Slave", *PROMOTED)


def unsettled(world):
    """What is not yet as it is wanted: a list of sentences."""
    tree = world.mon()
    if tree is None:
        return ["crm_mon gives no answer"]
    wrong = nodes(tree)
    places, promoted, more = resources(tree)
    wrong += more + misplaced(places, promoted)
    return wrong or agents_states(world, promoted)


def nodes(tree):
    wrong, found = [], {node.get("name"): node for node in tree.findall("./nodes/node")}
    for host in HOSTS:
        node = found.get(host)
        if node is None:
            wrong.append("node %s is unknown" % host)
            continue
        bad = [word for word in ("unclean", "pending", "standby", "maintenance", "shutdown")
               if node.get(word) == "true"]
        if node.get("online") != "true" or bad:
            wrong.append("node %s is %s" % (host, bad or "offline"))
    return wrong


def resources(tree):
    """({resource: its hosts}, hosts where pr is promoted, what is wrong)."""
    places, promoted, wrong = collections.defaultdict(list), [], []
    for resource in tree.iter("resource"):
        name = resource.get("id", "").split(":")[0]
        hosts = [node.get("name") for node in resource.findall("node")]
        for word in ("failed", "blocked"):
            if resource.get(word) == "true":
                wrong.append("%s is %s (%s)" % (name, word, hosts))
        if resource.get("pending"):
            wrong.append("%s is pending: %s" % (name, resource.get("pending")))
        if resource.get("role") in ACTIVE:
            places[name] += hosts
            if name == "pr" and resource.get("role") in PROMOTED:
                promoted += hosts
    return places, promoted, wrong


def misplaced(places, promoted):
    wrong = ["%s is on %s, not on %s" % (name, places[name], home)
             for name, home in HOME.items() if places[name] != [home]]
    wrong += ["%s is on %s" % (name, sorted(places[name])) for name in CLONES
              if sorted(places[name]) != sorted(HOSTS)]
    wrong += ["%s is on %s" % (name, places[name]) for name in CONNECTIONS if len(places[name]) != 1]
    if len(promoted) != 1:
        wrong.append("pr is promoted on %s" % promoted)
    return wrong


def agents_states(world, promoted):
    """Where what an agent has left on its host is not what the cluster believes."""
    wrong = []
    for host in HOSTS:
        for name in NAMES:
            wanted = name in CLONES or HOME[name] == host
            have = world.state(host, name)
            if bool(have) != wanted:
                wrong.append("on %s the agent's own state of %s is %s" % (host, name, have))
            elif name == "pr" and (have == "promoted") != (host in promoted):
                wrong.append("on %s pr's own state is %s" % (host, have))
    return wrong


def unscored(world):
    """Hosts without a promotion score of pr. Upstream forgets the scores of a remote node whose connection it loses."""
    text = world.admin("attrd_updater", "-Q", "-A", "-n", "master-pr")
    return ["no promotion score of pr on %s" % host for host in HOSTS if 'host="%s" value="' % host not in text]
