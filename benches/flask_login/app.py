"""The kind of service that Callgate replaces: the same calls with Flask and Flask-Login, set up as in their docs."""

import json

from flask import Flask, jsonify, request
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.secret_key = "this key signs the sessions of a comparison that listens on loopback and ends by itself"
app.json.sort_keys = False
logins = LoginManager(app)


class User(UserMixin):
    def __init__(self, user_id, password_hash):
        self.id = user_id
        self.password_hash = password_hash


USERS = {"user01": User("user01", generate_password_hash("user_01"))}


@logins.user_loader
def load_user(user_id):
    return USERS.get(user_id)


@logins.unauthorized_handler
def unauthorized():
    return jsonify(ok=False, error="login required"), 401


@app.post("/api/login")
def login():
    given = request.get_json()
    user = USERS.get(given["user_id"])
    if user is None or not check_password_hash(user.password_hash, given["password"]):
        return jsonify(ok=False, error="Invalid user_id or password"), 401
    login_user(user)
    return jsonify(ok=True, msg=f"user <{user.id}> logined")


@app.post("/api/auth_func")
@login_required
def auth_func():
    given = json.dumps(request.get_json(), separators=(",", ":"))
    return jsonify(ok=True, msg=f"auth_func({given}),user_id={current_user.id}")
