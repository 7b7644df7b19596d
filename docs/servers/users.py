"""Makes the databases and accounts of a Milvus server that curate shares, and prints their tokens once.

usage: python3 users.py password                    a new password for root, whose first one everybody knows
       python3 users.py reader|writer DATABASE NAME  an account for one database, which is made where it is missing
       python3 users.py remove NAME

MILVUS_URI and MILVUS_TOKEN (root's) say where, as for curate; MILVUS_CA, MILVUS_CERT, MILVUS_KEY and MILVUS_SERVER_NAME as well.
Needs pymilvus: tried with 2.6.15.
"""
import os
import secrets
import sys

from pymilvus import MilvusClient, MilvusException

READING = {
    "Global": ["DescribeCollection", "ShowCollections"],
    "Collection": ["Query", "Search", "Load", "GetLoadState", "GetLoadingProgress", "GetStatistics", "IndexDetail"],
}
WRITING = {
    "Global": READING["Global"] + ["CreateCollection", "DropCollection"],
    "Collection": READING["Collection"] + ["Upsert", "Delete", "Flush", "GetFlushState", "CreateIndex"],
}


def connect(token):
    files = {"ca_pem_path": "MILVUS_CA", "client_pem_path": "MILVUS_CERT", "client_key_path": "MILVUS_KEY"}
    tls = {name: os.environ[key] for name, key in {**files, "server_name": "MILVUS_SERVER_NAME"}.items() if os.environ.get(key)}
    return MilvusClient(uri=os.environ["MILVUS_URI"], token=token, **tls)


def change_password(client, token):
    user, _, old = token.partition(":")
    new = secrets.token_urlsafe(16)
    client.update_password(user, old, new)
    print(f"MILVUS_TOKEN={user}:{new}")


def add(client, kind, database, name):
    if database not in client.list_databases():
        client.create_database(database)
    role = f"curate_{database}_{kind}"
    if role not in client.list_roles():
        client.create_role(role)
    # Again for a role that is there: it may have been cut off.
    for object_type, privileges in (READING if kind == "reader" else WRITING).items():
        for privilege in privileges:
            client.grant_privilege(role, object_type, privilege, "*", db_name=database)
    if name in client.list_users():
        print(f"{name} is there and has the rights now.")
    else:
        password = secrets.token_urlsafe(16)
        client.create_user(name, password)
        print(f"MILVUS_TOKEN={name}:{password}\nCURATE_DATABASE={database}")
    client.grant_role(name, role)


def main(arguments):
    token = os.environ["MILVUS_TOKEN"]
    match arguments:
        case ["password"]:
            change_password(connect(token), token)
        case ["reader" | "writer" as kind, database, name]:
            add(connect(token), kind, database, name)
        case ["remove", name]:
            connect(token).drop_user(name)
        case _:
            sys.exit(__doc__)


try:
    main(sys.argv[1:])
except KeyError as lacking:
    sys.exit(f"Set {lacking.args[0]}.")
except MilvusException as failure:
    sys.exit(f"Milvus: {failure.message}")
