# expect: verdict=ok
# Finds shortest routes in a road network with Dijkstra's algorithm on a heap.
# stdout: Amsterdam -> Utrecht -> Arnhem -> Cologne -> Frankfurt (447 km)
import heapq

ROADS = [
    ("Amsterdam", "Utrecht", 53),
    ("Amsterdam", "Rotterdam", 78),
    ("Utrecht", "Arnhem", 64),
    ("Utrecht", "Eindhoven", 92),
    ("Rotterdam", "Antwerp", 98),
    ("Antwerp", "Brussels", 45),
    ("Eindhoven", "Cologne", 158),
    ("Arnhem", "Cologne", 140),
    ("Brussels", "Cologne", 211),
    ("Cologne", "Frankfurt", 190),
    ("Brussels", "Luxembourg", 213),
    ("Luxembourg", "Frankfurt", 237),
]


def build_graph(roads):
    graph = {}
    for a, b, km in roads:
        graph.setdefault(a, []).append((b, km))
        graph.setdefault(b, []).append((a, km))
    return graph


def shortest_path(graph, start, goal):
    heap = [(0, start, (start,))]
    done = set()
    while heap:
        distance, city, path = heapq.heappop(heap)
        if city == goal:
            return distance, path
        if city in done:
            continue
        done.add(city)
        for neighbour, km in graph[city]:
            if neighbour not in done:
                heapq.heappush(heap, (distance + km, neighbour, path + (neighbour,)))
    return None


graph = build_graph(ROADS)
for start, goal in [("Amsterdam", "Frankfurt"), ("Rotterdam", "Luxembourg"), ("Antwerp", "Arnhem")]:
    distance, path = shortest_path(graph, start, goal)
    print(" -> ".join(path), f"({distance} km)")

graph["Reykjavik"] = []
print("Amsterdam to Reykjavik by road:", shortest_path(graph, "Amsterdam", "Reykjavik"))
print("three longest roads:", heapq.nlargest(3, ROADS, key=lambda road: road[2]))
